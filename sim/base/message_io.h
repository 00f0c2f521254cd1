// Reading and writing protobuf messages at the edge of the program, with errors a user can act on.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace tessera {

/// Whole content of a file. UserError when it cannot be read.
std::string read_file(const std::string& path);

/// Parses protobuf text. Unknown fields are errors; the message names `origin`, line and column.
void parse_textproto(const std::string& text, const std::string& origin,
                     google::protobuf::Message& message);

/// parse_textproto on the content of a file.
void load_textproto(const std::string& path, google::protobuf::Message& message);

/// Binary form; UserError naming the file when truncated or not of this type.
void load_binary(const std::string& path, google::protobuf::Message& message);

/// Deterministic text form.
std::string to_textproto(const google::protobuf::Message& message);

/// Deterministic binary form.
std::string to_binary(const google::protobuf::Message& message);

/// Sets one field by its dotted path, `a.b[2].c=value`; the value is protobuf text for that field
/// (an unquoted word is accepted for strings). UserError names the path, the value and the fields
/// there are.
void set_field(google::protobuf::Message& message, const std::string& assignment);

}  // namespace tessera
