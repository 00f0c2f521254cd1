// Schedule trees on disk: the text form of schedule.proto, converted once into the plain tree and
// checked.
#pragma once

#include <string>
#include <vector>

#include "mapping/schedule.h"

namespace tessera::mapping {

/// Reads a schedule in the schema of schedule.proto. UserError names the file and, for text that
/// does not parse, line and column; for a tree that is not legal, the path of the node and what is
/// allowed there. A schedule without a name takes the file's.
Schedule load_schedule(const std::string& path);

/// Same, from text; `origin` stands for the file in messages.
Schedule parse_schedule(const std::string& text, const std::string& origin);

/// The schedule with `schedule.path.to.field=value` assignments applied in order, read and checked
/// again. UserError names the assignment or the field.
Schedule with_settings(const Schedule& schedule, const std::vector<std::string>& assignments);

/// Deterministic text that parse_schedule turns back into the same tree.
std::string to_schedule_text(const Schedule& schedule);

/// What holds for every legal tree, whatever network it is for: positive sizes, the number of
/// children each kind of node takes, rank references that name a layer below them. UserError with
/// `origin` and node path, for example `layer1.textproto: root.child[0].child[1]: loop: tile is 0;
/// allowed: 1 or more`.
void check_structure(const Schedule& schedule);

}  // namespace tessera::mapping
