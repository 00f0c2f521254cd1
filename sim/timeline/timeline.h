// A run as a timeline for Perfetto.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "sim/machine/observer.h"
#include "sim/timeline/selection.h"
#include "sim/timeline/tile_tracks.h"
#include "sim/timeline/trace_file.h"

namespace tessera::sim {

struct TimelineOptions {
  std::filesystem::path file;
  Window window;
  std::vector<mapping::TileId> tiles;  ///< ascending; DRAM and network are always shown
};

/// Writes while the machine runs; memory holds only what is under way. One nanosecond of the
/// timeline is a cycle.
///
/// A process per selected tile: its load queue (a slice per receive, the arrivals of its data
/// inside), array and vector unit (a slice per instruction, its causes of the cycle stack inside;
/// what the tile waited for stands between them), store queue, data on their way out, and its
/// buffer's occupancy. A process per DRAM channel and shared buffer with the reads and writes that
/// concern selected tiles, and one for the network. Arrows lead from data sent to their arrival.
/// Slices that reach out of the window are cut.
class Timeline final : public Observer {
 public:
  /// Program and accelerator must outlive it. UserError when the file cannot be written.
  Timeline(const hw::Accelerator& accelerator, const mapping::Program& program,
           TimelineOptions options);
  ~Timeline() override;

  void instruction_began(const hw::InstructionEvent& event) override;
  void instruction_ended(const hw::InstructionEvent& event) override;
  void spent(mapping::TileId tile, int stage, hw::Cause cause, Cycle begin, Cycle end) override;
  void occupancy(mapping::TileId tile, Cycle now, Bytes bytes) override;
  void order_began(const hw::OrderEvent& event) override;
  void order_ended(const hw::OrderEvent& event) override;
  void packet_sent(const PacketEvent& event) override;
  void packet_left(std::uint64_t id, hw::NodeId source, Cycle cycle) override;
  void packet_arrived(const PacketEvent& event) override;
  Cycle next_sample() const override { return next_sample_; }
  void sampled(const Sample& sample) override;
  void finished(Cycle end) override;

  /// Gives the file its name, after the run.
  void commit() { file_.commit(); }
  std::uint64_t bytes() const { return file_.bytes(); }

 private:
  /// Data on their way out of a tile or, as a read, out of a channel: a slice that waits for its
  /// arrows.
  struct Sending {
    Lanes* lanes = nullptr;
    std::size_t lane = 0;
    Slice slice;
    std::uint64_t packets = 0;  ///< copies that have not left
    bool last_sent = false;
    bool ended = false;
    std::size_t arrows = 0;  ///< destinations whose arrival may still add an arrow
  };
  using SendingPtr = std::shared_ptr<Sending>;
  struct Channel {
    Track process = 0;
    Lanes reads, writes;
    Track bandwidth = 0;
    std::uint64_t data = 0, clock = 0;               ///< of the last sample
    std::map<std::uint64_t, SendingPtr> open;        ///< by order number
    std::map<const hw::Order*, SendingPtr> sending;  ///< reads whose data are on their way
    std::map<const hw::Order*, SendingPtr>
        incoming;  ///< writes whose data have arrived: their senders
  };
  struct SharedMemory {
    Lanes sends, writes;
  };
  struct LinkCounter {
    std::size_t link;
    Track track;
    std::int64_t told = -1;
  };
  /// A packet some of whose copies have not left.
  struct Leaving {
    SendingPtr sending;
    std::uint32_t copies = 0;
  };
  /// The last packet of some data, and the destinations that it has not reached.
  struct Flying {
    SendingPtr sending;
    std::size_t destinations = 0;
  };

  TileTracks* tile(mapping::TileId id) { return tracks_[static_cast<std::size_t>(id)].get(); }
  bool is_tile(hw::NodeId node) const { return node < tracks_.size(); }
  bool concerns_selection(const hw::OrderEvent& event) const;
  const std::string& stage_name(int stage) const;
  std::string node_name(hw::NodeId node) const;
  void add_channels();
  void add_network();
  void add_shared_buffers();
  bool is_channel(hw::NodeId node) const {
    return !is_tile(node) && node - tracks_.size() < channels_.size();
  }
  Channel& channel_at(hw::NodeId node) { return channels_[node - tracks_.size()]; }
  SharedMemory& shared_at(hw::NodeId node) {
    return shared_[node - tracks_.size() - channels_.size()];
  }
  bool any_selected(std::span<const hw::NodeId> nodes) const;
  Lanes* lanes_of_sender(const PacketEvent& event);
  void send_read_data(const PacketEvent& event);
  void send_from_buffer(const PacketEvent& event);
  void write_to_shared(const PacketEvent& event, const SendingPtr& from);
  SendingPtr take_flying(const PacketEvent& event);
  void arrive_at_tile(const PacketEvent& event, Sending* from);
  void add_arrow(Sending& from, Cycle arrival, std::vector<FlowId>& ends);
  void settle(const SendingPtr& sending);
  void end(const SendingPtr& sending, Cycle cycle);
  Cycle interval() const;
  void tell_links(const Sample& sample, bool shown);
  void tell_bandwidth(Channel& channel, const hw::DramInterface& interface, Cycle now, bool shown);

  const hw::Accelerator& accelerator_;
  const mapping::Program& program_;
  Window window_;
  TraceFile file_;
  std::vector<std::unique_ptr<TileTracks>> tracks_;  ///< by tile; nullptr: not selected
  std::vector<Channel> channels_;
  std::vector<SharedMemory> shared_;
  Track mean_utilisation_ = 0, max_utilisation_ = 0;
  std::vector<LinkCounter> links_;
  std::vector<std::uint64_t> busy_, passed_;  ///< cycles, by link: in all, of the last interval
  std::map<std::pair<hw::NodeId, std::uint64_t>, SendingPtr> leaving_;  ///< by source and ticket
  std::map<std::uint64_t, Leaving> packets_;                            ///< by packet
  std::map<std::uint64_t, Flying> flying_;                              ///< by packet
  FlowId last_flow_ = 0;
  Cycle last_sample_ = 0, next_sample_ = 0;
};

}  // namespace tessera::sim
