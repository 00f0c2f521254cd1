// A run over time, for the report: links, DRAM buses, buffers, tiles.
#pragma once

#include <array>
#include <vector>

#include "sim/base/time_bins.h"
#include "sim/history.pb.h"
#include "sim/machine/machine.h"
#include "sim/results/stage_map.h"

namespace tessera::sim {

/// Listens to a machine and keeps its history in bins that grow with the run: memory does not.
/// Flits and queues of links are sampled exactly at bin ends. What a DRAM bus waited for is known
/// only when the next burst comes; of the time since the one before, waiting for requests is taken
/// to have come first.
class History final : public Observer {
 public:
  explicit History(const hw::Accelerator& accelerator);

  void spent(mapping::TileId tile, int stage, hw::Cause cause, Cycle begin, Cycle end) override;
  void occupancy(mapping::TileId tile, Cycle now, Bytes bytes) override;
  void shared_occupancy(std::size_t buffer, Cycle now, Bytes bytes) override;
  Cycle next_sample() const override { return next_sample_; }
  void sampled(const Sample& sample) override;
  void finished(Cycle end) override;

  /// After the run.
  proto::History message(const Machine& machine) const;

  /// Bins for this many rows: fewer for large machines, so that files stay small.
  static std::size_t bins_for(std::size_t rows);

 private:
  static constexpr std::size_t kBusCauses = 7;
  using BusCauses = std::array<std::uint64_t, kBusCauses>;
  /// What memories hold: byte-cycles by memory.
  struct Holdings {
    struct Held {
      Cycle since = 0;
      Bytes bytes = 0;
    };
    TimeBins byte_cycles;
    std::vector<Held> now;

    Holdings(std::size_t memories, std::size_t bins, Cycle width)
        : byte_cycles(memories, bins, width), now(memories) {}
    void change(std::size_t memory, Cycle at, Bytes bytes);
    void finish(Cycle end);
  };
  struct LinkTotals {
    std::uint64_t flits = 0, queued = 0;
  };

  struct Counts {
    std::size_t tiles, links, channels, shared_buffers;
  };
  explicit History(const Counts& counts);
  History(const Counts& counts, std::size_t bins, Cycle width);

  void sample_links(const Sample& sample);
  void sample_bus(std::size_t channel, const hw::DramInterface& interface, Cycle end, bool last);
  proto::TileHistory tile_message(const Machine& machine, std::size_t tile, std::size_t bins) const;
  proto::ChannelHistory channel_message(const Machine& machine, std::size_t channel,
                                        std::size_t bins) const;

  TimeBins causes_;  ///< by cause, all tiles
  TimeBins busy_;    ///< by tile
  TimeBins flits_;   ///< by link
  TimeBins queued_;  ///< by link
  TimeBins bus_;     ///< by channel and cause
  StageMap stages_;
  Holdings tiles_held_, shared_held_;
  std::vector<LinkTotals> links_;
  std::vector<BusCauses> buses_;
  std::vector<Cycle>
      bus_known_;  ///< chip cycle up to which the channel's bus has been accounted for
  Cycle last_sample_ = 0, next_sample_ = 0;
  Cycle cycles_ = 0;
};

}  // namespace tessera::sim
