#include "tests/support/reference_archive.h"

#include <gtest/gtest.h>

#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/filter/lzma.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <fstream>
#include <sstream>

#include "sim/base/csv.h"
#include "sim/base/error.h"
#include "tests/support/scratch.h"

namespace tessera::test {

namespace fs = std::filesystem;

std::map<std::string, std::string> load_reference(const std::string& tool) {
  const std::string path =
      std::string(TESSERA_SOURCE_DIR) + "/validation/reference/" + tool + "/cases.pack.xz";
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UserError(path, ": cannot be read");
  boost::iostreams::filtering_istream in;
  in.push(boost::iostreams::lzma_decompressor());
  in.push(file);
  std::map<std::string, std::string> files;
  for (std::string header; std::getline(in, header);) {
    std::istringstream fields(header);
    std::string mark, name;
    std::size_t bytes = 0;
    fields >> mark >> name >> bytes;
    if (mark != "===") throw UserError(path, ": '", header, "' is no record header");
    files[name].resize(bytes);
    in.read(files[name].data(), static_cast<std::streamsize>(bytes));
  }
  return files;
}

fs::path unpack(const std::map<std::string, std::string>& files, const std::string& folder_name) {
  const fs::path folder = scratch_path(folder_name);
  fs::remove_all(folder);
  for (const auto& [name, content] : files) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << content;
  }
  return folder;
}

std::string keep_columns(const std::string& csv, const std::vector<std::string>& columns) {
  const CsvTable table = CsvTable::parse(csv, "reference");
  CsvWriter kept(columns);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    kept.row();
    for (const auto& column : columns) kept << table.at(row, column);
  }
  return kept.text();
}

}  // namespace tessera::test
