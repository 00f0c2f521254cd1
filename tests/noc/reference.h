// Reference tables of validation/reference, packed or not.
#pragma once

#include <boost/iostreams/copy.hpp>
#include <boost/iostreams/filter/lzma.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <sstream>
#include <string>

#include "sim/base/csv.h"
#include "sim/base/message_io.h"

namespace tessera::noc {

inline CsvTable load_reference(const std::string& name) {
  const std::string path = std::string(TESSERA_SOURCE_DIR "/validation/reference/") + name;
  if (!path.ends_with(".xz")) return CsvTable::load(path);
  std::istringstream packed(read_file(path));
  boost::iostreams::filtering_istream in;
  in.push(boost::iostreams::lzma_decompressor());
  in.push(packed);
  std::ostringstream text;
  boost::iostreams::copy(in, text);
  return CsvTable::parse(text.str(), path);
}

}  // namespace tessera::noc
