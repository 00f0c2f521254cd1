// The default policy, slow and plain: every decision scans the lists of waiting requests.
#include <algorithm>
#include <tuple>

#include "tests/hw_models/dram/oracle.h"

namespace tessera::dram::oracle {

std::unique_ptr<Policy> make_default_policy(const ChannelConfig& config);

namespace {

using enum CommandKind;
using List = std::vector<Waiting>;

class Default final : public Policy {
 public:
  Default(const Device& device, const FrFcfsOptions& options)
      : Policy(device), o_(options), ranks_(device.geometry.ranks) {
    for (std::uint32_t rank = 0; rank < ranks_.size(); ++rank)
      ranks_[rank].turn = rank * device.geometry.banks_per_rank();
  }

  bool room(bool is_write) const override {
    return buffer_[is_write].size() < (is_write ? o_.write_depth : o_.read_depth);
  }
  void accept(DramCycle, const Waiting& request) override {
    buffer_[request.is_write].push_back(request);
    choose_direction();
  }
  bool drained() const override { return buffer_[0].empty() && buffer_[1].empty(); }

  void tick(DramCycle now) override {
    start_refreshes(now);
    if (column(now) && !devices_.device().geometry.separate_column_bus) return;
    if (refresh(now) || row(now, writing_, false) || row(now, !writing_, true)) return;
    close_unused(now);
  }

 private:
  struct Rank {
    std::uint64_t owed = 0;
    bool pending = false;
    DramCycle since = 0;
    std::uint32_t turn = 0;
  };

  bool per_bank() const { return o_.refresh == RefreshMode::kPerBank; }
  bool refresh_wants(std::uint32_t rank, std::uint32_t bank) const {
    return per_bank() ? bank == ranks_[rank].turn : devices_.rank_of(bank) == rank;
  }
  bool blocked(std::uint32_t bank) const {
    const std::uint32_t rank = devices_.rank_of(bank);
    return ranks_[rank].pending && refresh_wants(rank, bank);
  }
  bool hits(const Waiting& w) const { return devices_.open_row(w.at.bank_index) == w.at.row; }
  bool aged(const Waiting& w, DramCycle now) const { return w.accepted + o_.age_cap <= now; }

  /// Lists are in order of age, so the first match is the oldest.
  const Waiting* oldest(bool is_write, std::uint32_t bank, bool hit) const {
    for (const Waiting& w : buffer_[is_write])
      if (w.at.bank_index == bank && hits(w) == hit) return &w;
    return nullptr;
  }
  bool wanted(bool is_write, std::uint32_t bank) const {
    return oldest(is_write, bank, true) != nullptr || oldest(is_write, bank, false) != nullptr;
  }

  bool servable(const Waiting& hit, DramCycle now) const {
    const std::uint32_t bank = hit.at.bank_index;
    const Waiting* miss = oldest(writing_, bank, false);
    if (miss != nullptr && miss->age < hit.age && aged(*miss, now)) return false;
    return !blocked(bank) || hit.accepted < ranks_[devices_.rank_of(bank)].since;
  }

  bool column(DramCycle now) {
    using Key = std::tuple<int, std::uint64_t, std::uint64_t>;
    const Waiting* best = nullptr;
    Key best_key;
    for (const Waiting& w : buffer_[writing_]) {
      if (!hits(w) || !servable(w, now) || !legal(now, w)) continue;
      const Waiting* miss = oldest(writing_, w.at.bank_index, false);
      const Key key = aged(w, now) ? Key{0, w.age, w.age}
                      : miss       ? Key{1, miss->age, w.age}
                                   : Key{2, w.age, w.age};
      if (best == nullptr || key < best_key) {
        best = &w;
        best_key = key;
      }
    }
    if (best == nullptr) return false;
    send(now, writing_ ? kWrite : kRead, best->at);
    buffer_[writing_].erase(buffer_[writing_].begin() + (best - buffer_[writing_].data()));
    ++phase_;
    choose_direction();
    return true;
  }

  bool legal(DramCycle now, const Waiting& w) const {
    IssuedCommand c = devices_.on_bank(w.is_write ? kWrite : kRead, w.at.bank_index);
    c.cycle = now;
    return devices_.legal(c);
  }

  bool row(DramCycle now, bool is_write, bool left_over) {
    for (const Waiting& w : buffer_[is_write]) {
      const std::uint32_t bank = w.at.bank_index;
      if (hits(w) || &w != oldest(is_write, bank, false) || blocked(bank)) continue;
      if (left_over && wanted(!is_write, bank)) continue;
      const Waiting* hit = oldest(is_write, bank, true);
      if (hit != nullptr && (hit->age < w.age || !aged(w, now))) continue;
      if (send(now, devices_.open_row(bank) < 0 ? kActivate : kPrecharge, w.at)) return true;
    }
    return false;
  }

  void close_unused(DramCycle now) {
    if (o_.page == PagePolicy::kOpen) return;
    for (std::uint32_t bank = 0; bank < devices_.banks(); ++bank) {
      if (devices_.open_row(bank) < 0 || blocked(bank)) continue;
      if (oldest(false, bank, true) != nullptr || oldest(true, bank, true) != nullptr) continue;
      if (send(now, devices_.on_bank(kPrecharge, bank))) return;
    }
  }

  void start_refreshes(DramCycle now) {
    const Device& d = devices_.device();
    const DramCycle units = per_bank() ? d.geometry.banks_per_rank() : 1;
    const DramCycle interval = d.timing.refi / units;
    for (std::uint32_t r = 0; r < ranks_.size(); ++r) {
      Rank& rank = ranks_[r];
      const DramCycle first = interval + r * interval / ranks_.size();
      if (now >= first && (now - first) % interval == 0) ++rank.owed;
      if (rank.pending || rank.owed == 0) continue;
      bool needed = false;
      for (std::uint32_t bank = 0; bank < devices_.banks(); ++bank)
        needed |= refresh_wants(r, bank) && (wanted(false, bank) || wanted(true, bank));
      if (needed && rank.owed <= o_.postponed_refreshes * units) continue;
      rank.pending = true;
      rank.since = now;
    }
  }

  bool refresh(DramCycle now) {
    for (std::uint32_t r = 0; r < ranks_.size(); ++r) {
      if (!ranks_[r].pending) continue;
      if (refresh_one(now, r)) return true;
    }
    return false;
  }

  bool refresh_one(DramCycle now, std::uint32_t r) {
    Rank& rank = ranks_[r];
    const bool open = per_bank() ? devices_.open_row(rank.turn) >= 0 : devices_.any_open(r);
    if (open) {
      for (const Waiting& w : buffer_[writing_])
        if (refresh_wants(r, w.at.bank_index) && hits(w) && servable(w, now)) return false;
      return per_bank() ? send(now, devices_.on_bank(kPrecharge, rank.turn))
                        : send(now, {now, kPrechargeAll, static_cast<std::int32_t>(r)});
    }
    const bool sent = per_bank() ? send(now, devices_.on_bank(kRefreshBank, rank.turn))
                                 : send(now, {now, kRefresh, static_cast<std::int32_t>(r)});
    if (!sent) return false;
    --rank.owed;
    rank.pending = false;
    const std::uint32_t banks = devices_.device().geometry.banks_per_rank();
    if (per_bank()) rank.turn = r * banks + (rank.turn + 1) % banks;
    return true;
  }

  void choose_direction() {
    const std::size_t reads = buffer_[0].size(), writes = buffer_[1].size();
    bool writing = writing_;
    if (reads == 0 && writes == 0) {
    } else if (reads == 0) {
      writing = true;
    } else if (writes == 0) {
      writing = false;
    } else if (writing_) {
      writing = writes > o_.write_low && phase_ < o_.write_depth;
    } else if (phase_ >= o_.read_phase) {
      writing = writes >= o_.write_high || (writes >= o_.write_opportune && writes >= reads);
    }
    if (writing != writing_) phase_ = 0;
    writing_ = writing;
  }

  FrFcfsOptions o_;
  List buffer_[2];
  bool writing_ = false;
  std::uint64_t phase_ = 0;
  std::vector<Rank> ranks_;
};

}  // namespace

std::unique_ptr<Policy> make_default_policy(const ChannelConfig& config) {
  return std::make_unique<Default>(config.device, config.fr_fcfs);
}

}  // namespace tessera::dram::oracle
