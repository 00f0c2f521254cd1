// Networks in protobuf text (network.proto).
#pragma once

#include <string>

#include "workloads/network.h"

namespace tessera::workloads {

/// `batch` 0 keeps the file's own. UserError naming file and layer.
Network load_text_network(const std::string& path, std::int64_t batch);

/// The same from text in memory; `origin` stands for the file in messages.
Network parse_text_network(const std::string& text, const std::string& origin, std::int64_t batch);

/// The summary line of a network file.
std::string text_network_summary(const std::string& path);

}  // namespace tessera::workloads
