// Reads the stages of a schedule tree into their flat form.
#pragma once

#include <string>
#include <vector>

#include "mapping/schedule.h"
#include "mapping/stage_plan.h"

namespace tessera::mapping {

/// Reads the stages of a layer-by-layer tree. UserError naming the node when the tree says
/// something that this form cannot hold or that does not fit the layer.
std::vector<StagePlan> read_stages(const Schedule& schedule, const workloads::Network& network,
                                   TileGrid grid);

/// Top nodes of a schedule: what runs one after the other.
std::vector<const Node*> tops_of(const Schedule& schedule);

/// A sequence of whole stages with loops that give their turns away: they take turns on the same
/// tiles, and what one hands to another goes through rings.
bool gives_turns(const Node& top);

/// A pipeline at the top whose branches say where their outputs live: each is a stage like one that
/// stands alone, on the tiles of its place, and what stays in the tiles is handed over there.
/// Branches on the same tiles run one after the other. Nothing holds back what a stage fetches
/// before the stages in front of it are through.
bool has_whole_stages(const Node& top);

/// The stage of one top node that has a single path down to its layer.
StagePlan read_stage(const Node& top, const Schedule& schedule, const workloads::Network& network,
                     TileGrid grid);

/// UserError unless every layer of the network is among these once.
void check_scheduled(const std::vector<workloads::LayerId>& layers, const std::string& origin,
                     const workloads::Network& network);

}  // namespace tessera::mapping
