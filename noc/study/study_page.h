// A page without outside references: load-latency curve and heat map of the links.
#pragma once

#include <string>

#include "noc/network.h"
#include "noc/study/noc_result.pb.h"

namespace tessera::noc {

std::string study_page(const proto::StudyResult& result, const Network& network);

/// The parts, as SVG elements.
std::string curve_svg(const proto::StudyResult& result);
std::string heat_map_svg(const Network& network);

}  // namespace tessera::noc
