// Programs on disk: the versioned binary form of program.proto. It holds the lowered network, so a
// program file runs without the files it was compiled from.
#pragma once

#include <string>

#include "mapping/program.h"

namespace tessera::mapping {

/// Version that save writes and the highest that load reads.
inline constexpr unsigned kProgramVersion = 3;
/// Older files do not say which DRAM channels hold a tensor.
inline constexpr unsigned kOldestProgramVersion = 2;

/// Deterministic: equal programs give equal bytes. InvariantViolation when the program holds a
/// value that the schema has no name for.
std::string to_program_bytes(const Program& program);

/// Reads what to_program_bytes wrote; `origin` stands for the file in messages. UserError when the
/// bytes are truncated, of another kind or of a newer version, or when an id in them points
/// nowhere.
Program parse_program(const std::string& bytes, const std::string& origin);

/// parse_program on the content of a file.
Program load_program(const std::string& path);

/// Writes the file whole or not at all.
void save_program(const Program& program, const std::string& path);

/// Every id, index and size in the program points at something: layers, tensors, ranks, slots,
/// groups, codes, tiles, stages, array loops. UserError with `origin`, stage, tile or part, the
/// value and what is allowed.
void check_ids(const Program& program, const std::string& origin);

}  // namespace tessera::mapping
