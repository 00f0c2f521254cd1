// Reference data of other tools, as packed under validation/reference.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tessera::test {

/// Files of one tool by their path. The pack is an xz stream of records: a line `=== PATH BYTES`,
/// then the content.
std::map<std::string, std::string> load_reference(const std::string& tool);

/// Writes files below a fresh folder of this test process and returns it.
std::filesystem::path unpack(const std::map<std::string, std::string>& files,
                             const std::string& folder_name);

/// A CSV with only the columns named, so that a predictor cannot read the answers.
std::string keep_columns(const std::string& csv, const std::vector<std::string>& columns);

}  // namespace tessera::test
