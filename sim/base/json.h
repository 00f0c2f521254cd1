// Results leave the program as JSON whose schema is a protobuf message. Protobuf's own JSON mapping
// writes 64-bit integers as strings; every reader of results wants numbers, hence this small walk.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace tessera {

/// Two-space indented JSON in field order. Unset optional and message fields are left out; scalars
/// without presence are always written.
std::string to_json(const google::protobuf::Message& message);

/// The same on one line: for tables that programs read.
std::string to_compact_json(const google::protobuf::Message& message);

/// Reads JSON into the message. UserError names `origin` and the place.
void parse_json(const std::string& text, const std::string& origin,
                google::protobuf::Message& message);

}  // namespace tessera
