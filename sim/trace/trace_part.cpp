#include "sim/trace/trace_part.h"

#include <zlib.h>

#include <boost/iostreams/device/array.hpp>
#include <boost/iostreams/device/back_inserter.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_stream.hpp>

#include "sim/base/message_io.h"

namespace tessera::sim {

namespace io = boost::iostreams;

namespace {

std::string compress(const std::string& bytes) {
  std::string compressed;
  io::filtering_ostream out;
  out.push(io::zstd_compressor(io::zstd::best_speed));
  out.push(io::back_inserter(compressed));
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.reset();
  return compressed;
}

std::string decompress(const std::string& bytes, std::size_t size) {
  std::string content(size, '\0');
  try {
    io::filtering_istream in;
    in.push(io::zstd_decompressor());
    in.push(io::array_source(bytes.data(), bytes.size()));
    in.exceptions(std::ios::badbit);
    in.read(content.data(), static_cast<std::streamsize>(size));
    if (static_cast<std::size_t>(in.gcount()) == size && in.peek() == std::char_traits<char>::eof())
      return content;
  } catch (const std::exception&) {
    // The library's own text says nothing that a user could act on.
  }
  throw DamagedPart("its content cannot be unpacked");
}

std::uint32_t checksum(const proto::TracePart& part) {
  const auto kind = static_cast<Bytef>(part.kind());
  const auto& content = part.content();
  const uLong begin = crc32(0, &kind, 1);
  return static_cast<std::uint32_t>(crc32(begin, reinterpret_cast<const Bytef*>(content.data()),
                                          static_cast<uInt>(content.size())));
}

}  // namespace

proto::TracePart seal(proto::TracePart::Kind kind, const google::protobuf::Message& message) {
  const std::string bytes = to_binary(message);
  proto::TracePart part;
  part.set_kind(kind);
  part.set_content_bytes(static_cast<std::uint32_t>(bytes.size()));
  part.set_content(compress(bytes));
  part.set_crc32(checksum(part));
  return part;
}

void unseal(const proto::TracePart& part, google::protobuf::Message& message) {
  constexpr std::uint32_t kMostBytes = std::uint32_t{1} << 30;
  if (checksum(part) != part.crc32()) throw DamagedPart("its checksum does not match");
  if (part.content_bytes() > kMostBytes) throw DamagedPart("it states an impossible size");
  if (!message.ParseFromString(decompress(part.content(), part.content_bytes())))
    throw DamagedPart("its content cannot be read");
}

}  // namespace tessera::sim
