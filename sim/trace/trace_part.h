// The envelope of everything in a trace file.
#pragma once

#include <stdexcept>
#include <string_view>

#include "sim/trace.pb.h"

namespace tessera::sim {

/// First line of a file, before the version.
inline constexpr std::string_view kTraceMagic = "tessera trace ";
/// Raised whenever an older program would misread a file, or events change their meaning.
inline constexpr std::uint32_t kTraceVersion = 1;
/// Events in a full part.
inline constexpr std::size_t kPartEvents = 16384;

/// Says in a few words what is wrong; the reader of the file adds where.
class DamagedPart : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Compresses with zstd at its fastest level: traces of a large run are written while it runs.
proto::TracePart seal(proto::TracePart::Kind kind, const google::protobuf::Message& message);

/// Reads the content of a part. DamagedPart when it is not what `seal` made.
void unseal(const proto::TracePart& part, google::protobuf::Message& message);
template <typename Message>
Message unseal(const proto::TracePart& part) {
  Message message;
  unseal(part, message);
  return message;
}

}  // namespace tessera::sim
