// A place for a test's files: tests run in parallel, each in a process of its own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

namespace tessera {

inline std::filesystem::path scratch_path(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) /
         ("tessera." + std::to_string(getpid()) + "." + name);
}

}  // namespace tessera
