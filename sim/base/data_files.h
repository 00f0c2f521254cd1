// Where the text files installed with the program are found: networks ("zoo"), machines
// ("accelerators") and DRAM devices ("devices").
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tessera {

/// File of that name (without extension) among the installed files of a kind: "zoo",
/// "accelerators" or "devices". Searched in $TESSERA_DATA_DIR/<kind> when that variable is set,
/// else in
/// ../share/tessera/<kind> as seen from the running program, else in the source tree the library
/// was built from, else in the installation. UserError with near names when there is none.
std::filesystem::path data_file(const std::string& kind, const std::string& name);

/// Names of all files of a kind, sorted. Empty when the folder does not exist.
std::vector<std::string> list_data_files(const std::string& kind);

}  // namespace tessera
