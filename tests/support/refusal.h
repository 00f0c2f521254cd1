// What bad input is answered with.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "sim/base/error.h"

namespace tessera::test {

/// The text of the UserError in which an action ends; `otherwise` when it ends well.
template <typename Action>
std::string refusal_of(const Action& action, const std::string& otherwise = "accepted") {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return otherwise;
}

template <typename Action>
void expect_refused(const Action& action, const std::string& part) {
  const auto refusal = refusal_of(action);
  EXPECT_NE(refusal.find(part), std::string::npos) << refusal;
}

}  // namespace tessera::test
