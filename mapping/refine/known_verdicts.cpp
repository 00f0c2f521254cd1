#include "mapping/refine/known_verdicts.h"

#include <algorithm>

#include "mapping/refine/program_key.h"
#include "mapping/refine/verdicts.pb.h"
#include "sim/base/hash.h"
#include "sim/base/message_io.h"
#include "sim/base/output_directory.h"

namespace tessera::mapping {

KnownVerdicts::KnownVerdicts(std::filesystem::path path, std::string identity, Simulate simulate)
    : path_(std::move(path)), identity_(std::move(identity)), simulate_(std::move(simulate)) {
  read();
  write();  // an impossible place is refused before hours of simulation
}

void KnownVerdicts::read() {
  proto::KnownVerdicts file;
  if (std::filesystem::exists(path_)) load_textproto(path_.string(), file);
  for (const auto& verdict : file.verdict()) {
    auto& known = known_[verdict.program()];
    if (verdict.cycles() > 0) known.cycles = verdict.cycles();
    known.more_than = std::max(known.more_than, verdict.more_than());
  }
}

std::optional<Cycle> KnownVerdicts::operator()(const Program& program, Cycle limit) {
  auto& verdict = known_[hash_text(identity_ + key_of(program))];
  if (!verdict.decides(limit)) read();  // another search may have come here meanwhile
  if (!verdict.decides(limit)) {
    verdict = {simulate_(program, limit), limit};
    read();
    write();
  }
  return verdict.within(limit);
}

void KnownVerdicts::write() const {
  proto::KnownVerdicts file;
  for (const auto& [program, verdict] : known_) {
    auto& entry = *file.add_verdict();
    entry.set_program(program);
    if (verdict.cycles)
      entry.set_cycles(*verdict.cycles);
    else
      entry.set_more_than(verdict.more_than);
  }
  write_file_atomically(path_, to_textproto(file));
}

}  // namespace tessera::mapping
