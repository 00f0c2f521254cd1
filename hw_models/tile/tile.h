// A tile: sequencer with three decoupled queues, buffer slots, compute, and the server that lets
// others read the feature maps it keeps.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "hw_models/buffer/buffer_ports.h"
#include "hw_models/tile/array_executor.h"
#include "hw_models/tile/cycle_stack.h"
#include "hw_models/tile/network_interface.h"
#include "hw_models/tile/stage_run.h"
#include "hw_models/tile/tile_context.h"
#include "hw_models/tile/tile_observer.h"
#include "mapping/code_cursor.h"

namespace tessera::hw {

/// Words of one operand that crossed the borders between DRAM, buffer and array on one tile.
struct OperandWords {
  std::int64_t received = 0;   ///< into buffer or staging FIFO; outputs: sums brought back
  std::int64_t delivered = 0;  ///< to the array; outputs: sums read back
  std::int64_t collected = 0;  ///< outputs: from the array
  std::int64_t kept = 0;       ///< inputs: written into registers of PEs

  void add(const OperandWords& other) {
    received += other.received;
    delivered += other.delivered;
    collected += other.collected;
    kept += other.kept;
  }
};

/// Event counts of one tile in one stage, for energy and for the self-checks.
struct TileCounts {
  std::int64_t macs = 0;
  std::int64_t vector_operations = 0;
  std::int64_t buffer_words = 0;    ///< read or written by array, vector unit and network
  std::int64_t array_words = 0;     ///< moved between buffer and PEs
  std::int64_t register_words = 0;  ///< register file accesses of all PEs
  OperandWords words[kOperands];    ///< array layers: first and second input, output
  CycleStack stack;
  Cycle first = kNever;  ///< first and last cycle in which the stage was active here
  Cycle last = 0;

  void add(const TileCounts& other);
};

/// One tile of the grid: a sequencer that issues one instruction per `issue_cycles` to each of its
/// load, compute and store queues, which run decoupled and in order; the buffer's slots; PE array
/// and vector unit, one at work at a time; the network interface; and a server that answers reads
/// of the feature maps kept here. Leaves out: fetching and decoding instructions, and finite queues
/// between network interface and server. InvariantViolation naming tile and cycle when a message
/// comes that is not for it.
///
/// Plain behaviour, no SystemC. The shell calls `run` when the tile asked to be woken or a message
/// came; messages that arrive in a cycle are seen in the next.
class Tile {
 public:
  Tile(mapping::TileId id, const TileContext& context, PacketPort& port);

  /// A packet's tail has been read by the network interface at `now`.
  void deliver(const Message& message, Cycle now);
  /// A packet's tail has left the source queue at `now`; seen from the next cycle on, like
  /// arrivals, so that it does not matter whether tile or network is called first within a cycle.
  void packet_left(std::uint64_t ticket, Cycle now) { left_.push_back({now, ticket}); }

  /// Does everything possible in cycle `now`; returns the next cycle in which time alone changes
  /// something.
  Cycle run(Cycle now);

  bool finished() const;
  /// What every unfinished queue waits for, for the report of a machine that cannot move.
  std::string describe_wait() const;

  mapping::TileId id() const { return id_; }
  const std::vector<TileCounts>& counts() const { return counts_; }
  const CycleStack& stack() const { return stack_; }
  Bytes peak_buffer_bytes() const { return peak_bytes_; }
  /// Most words in slots that are in use at the same time, full or not.
  std::int64_t peak_reserved_words() const { return peak_reserved_words_; }
  Bytes peak_staging_bytes() const { return peak_staging_bytes_; }
  Bytes payload_received() const { return payload_received_; }
  Bytes payload_sent() const { return interface_.payload_sent(); }
  /// Stage that its compute queue is in; -1 when it has no more.
  int current_stage() const {
    return compute_.turn < turns_.size() ? turns_[compute_.turn].stage : -1;
  }
  /// Cycle after the last in which it computed.
  Cycle busy_until() const { return accounted_; }
  /// Closes the books: what is left until `end` is idle time.
  void finish(Cycle end);
  /// Array instructions go to `executor` instead of the closed form; nullptr for the closed form.
  void set_array_executor(ArrayExecutor* executor) { executor_ = executor; }
  /// The executor's instruction has ended; its result can be used from cycle `now` on.
  void array_done(const ArrayTiming& timing, Cycle now);
  void set_observer(TileObserver* observer) { observer_ = observer; }

 private:
  /// One of the three queues: where it stands.
  struct Queue {
    std::size_t turn = 0;  ///< position in the tile's list of stages
    mapping::CodeCursor cursor;
    std::size_t begin = 0, end = 0;           ///< turns of the fusion that it is in
    std::vector<mapping::CodeCursor> parked;  ///< per turn of the fusion: where it goes on
    bool entered = false;
    Cycle free_at = 0;      ///< issuing or executing until then
    const char* wait = "";  ///< why it cannot move
  };
  struct Arrival {
    Cycle at;
    Message message;
  };
  struct Left {
    Cycle at;
    std::uint64_t ticket;
  };
  /// A granule that is read out of the buffer and then leaves through the interface.
  struct Departure {
    Cycle at;
    Message message;
    Bytes bytes;
    std::vector<NodeId> destinations;
    bool served = false;  ///< read on behalf of others
    int stage = -1;
    bool staging = false;        ///< read out of the staging FIFO
    std::int64_t sequence = -1;  ///< streamed or passed on: granule that it is read from
    std::int64_t elements = 0;
    mapping::SlotId rotating = -1;  ///< passed on: slot that it is read from
  };
  struct Served {
    std::uint64_t ticket;
    int stage;
    std::int64_t sequence;  ///< of the granule; -1: neither streamed nor passed on
    std::int64_t elements;
    mapping::SlotId rotating;  ///< slot of the piece that was passed on; -1: none
  };
  /// A store instruction in progress.
  struct StoreWork {
    bool active = false;
    bool sums = false;            ///< partial sums for an owner, not outputs for a memory
    Source into = Source::kDram;  ///< that memory
    bool sums_sent = false;
    int stage = -1;
    Cycle began = 0;
    std::size_t expected = 0;            ///< departures
    std::vector<std::uint64_t> tickets;  ///< of those that have begun
  };

  // tile.cpp
  StageRun& stage_run(std::size_t turn);
  StageRun* find_stage(int stage);
  std::size_t turn_of(int stage) const;
  bool may_step(Queue& queue, mapping::CodeBlock mapping::Code::*code, Cycle now);
  bool enter(Queue& queue, mapping::CodeBlock mapping::Code::*code);
  bool change_stage(Queue& queue, bool StageRun::*done);
  void yield(Queue& queue);
  bool leave(Queue& queue, bool StageRun::*done);
  bool claim(std::size_t turn, mapping::SlotId slot);
  void receive_arrivals(Cycle now);
  void handle(const Arrival& arrival, Cycle now);
  void depart(Cycle now);
  void schedule_departure(Cycle now, Departure departure);
  void wake(Cycle at) { next_wake_ = std::min(next_wake_, at); }
  Bytes held_bytes();
  void note_occupancy();
  void note_reserved();
  const Granule* acquire(SlotRing& ring, mapping::SlotReader reader, int amount, Cycle now);

  // load_queue.cpp
  bool step_load(Cycle now);
  bool start_receive(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  bool start_receive_sums(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  bool start_restore(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  bool begin_load(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  std::vector<workloads::Region> tool_boxes(StageRun& run, const mapping::Instruction& instruction,
                                            workloads::Region region);
  void note_received(const StageRun& run, const Message& message);
  Cycle written(const StageRun& run, mapping::SlotId slot, Bytes bytes, Cycle tail);
  void note_ready(Cycle now, StageRun& run, int operand, std::int64_t sequence);
  void request(Cycle now, StageRun& run, int operand, std::int64_t sequence);
  bool taken_over(StageRun& run, mapping::SlotId slot, std::int64_t sequence);
  void take_over(Cycle now, const StageRun& run, mapping::SlotId slot, int operand,
                 Granule& granule);
  void order_from_memory(Cycle now, const Order& order, const workloads::Region& region);
  void order_from_tiles(Cycle now, const Order& order, const workloads::Region& region);
  void take_data(const Arrival& arrival);
  bool from_dram(const StageRun& run, int operand) const;
  void close_groups(Cycle now);
  void send_closings(Cycle now, const StageRun& run, int operand);

  // tool_counts.cpp
  void count_fetch(StageRun& run, int operand, std::int64_t sequence, Bytes bytes);
  void count_output(StageRun& run, const mapping::CodeCursor& cursor, const Granule& granule);
  void count_sums(StageRun& run, const mapping::CodeCursor& cursor, const Granule& granule);
  void count_kept(StageRun& run, const mapping::CodeCursor& cursor, const Granule& granule);
  static ToolMachine::Piece output_piece(const StageRun& run, const mapping::CodeCursor& cursor,
                                         const Granule& granule);
  void count_hops(const StageRun& run, int operand, const std::vector<std::int64_t>& of_share,
                  ToolMachine::Piece piece);

  // compute_queue.cpp
  bool step_compute(Cycle now);
  bool may_compute(Cycle now, const StageRun& run);
  bool execute(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  bool start_array(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  bool start_vector(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  bool start_add_sums(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  void count_as_tool(const ArrayTiming& timing, TileCounts& counts);
  void finish_array(const ArrayTiming& timing, Cycle end);
  Cycle after_issue(Cycle now) const {
    return now + static_cast<Cycle>(context_.accelerator.tile.issue_cycles);
  }
  void run_vector(Cycle now, const VectorTiming& timing);
  bool continues_sums(StageRun& run, mapping::SlotId slot) const;
  bool reopen(Cycle now, StageRun& run, SlotRing& ring);
  void commit(Cycle now, StageRun& run, mapping::SlotId slot);
  void account_wait(Cycle now, const Granule* granule);
  void account(Cause cause, Cycle cycles);
  void open_outputs(const StageRun& run, Granule& granule) const;
  workloads::ReadElement operand_reader(StageRun& run);
  const RetainedWindow* window_of(StageRun& run, std::size_t operand,
                                  std::span<const std::int64_t> index);
  void keep_in_window(StageRun& run, mapping::SlotId slot);
  void accumulate(StageRun& run, mapping::SlotId slot);
  void compute_vector_values(StageRun& run, mapping::SlotId slot);

  // store_queue.cpp
  bool step_store(Cycle now);
  bool leaves(StageRun& run, const mapping::Instruction& instruction);
  void start_store(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  void take_write_grant(const Arrival& arrival, Cycle now);
  bool store_finished();
  bool send_sums();

  // observation.cpp: only called when somebody listens
  InstructionEvent event_of(QueueKind queue, StageRun& run, const mapping::Instruction& instruction,
                            Cycle begin, Cycle end);
  void tell_moment(QueueKind queue, StageRun& run, const mapping::Instruction& instruction,
                   Cycle now);
  void tell_receive_began(Cycle now, StageRun& run, const mapping::Instruction& instruction);
  void tell_receive_ended(const Message& message, const Granule& granule, Cycle end);
  void tell_compute_began(Cycle now);
  void tell_compute_ended(Cycle end);
  void tell_store(Cycle now, StageRun& run, const mapping::Instruction& instruction, bool ended);
  void tell_occupancy(Cycle now);

  // server.cpp
  bool serve(Cycle now);
  bool held_completely(StageRun& run, const workloads::Region& region, Cycle now) const;
  void serve_order(Cycle now, StageRun& run, const std::shared_ptr<const Order>& order);
  bool is_streamed(const Order& order) const;
  bool serve_streams(Cycle now);
  bool pass_on(Cycle now);
  void passed_on(StageRun& run, mapping::SlotId slot, std::int64_t sequence);
  void settle_rotation(StageRun& run, mapping::SlotId slot);
  void settle_sums(StageRun& run, mapping::SlotId slot);
  bool serve_piece(Cycle now, StageRun& run, const Order& order, const Granule& granule);
  void owe(StageRun& run, const Granule& granule);
  void give_back(StageRun& run, std::int64_t sequence, std::int64_t elements);

  mapping::TileId id_;
  const TileContext& context_;
  BufferPorts ports_;
  NetworkInterface interface_;
  const std::vector<mapping::ProgramIndex::Turn>& turns_;
  std::vector<std::unique_ptr<StageRun>> runs_;  ///< per turn, made when first touched
  std::size_t first_open_turn_ = 0;              ///< all slots of earlier turns are closed
  std::size_t first_unclosed_turn_ = 0;          ///< groups of earlier turns have all been closed
  Queue load_, compute_, store_;
  std::deque<Arrival> arrivals_;
  std::deque<Left> left_;
  std::deque<Departure> departures_;
  std::deque<std::shared_ptr<const Order>> requests_;  ///< reads of kept feature maps that wait
  /// A read of outputs that leave granule by granule: it is answered as they are completed.
  struct StreamRequest {
    std::shared_ptr<const Order> order;
    std::int64_t next = 0;  ///< first granule not looked at
    std::int64_t left = 0;  ///< elements
  };
  std::deque<StreamRequest> stream_requests_;
  std::deque<std::shared_ptr<const Order>> rotation_requests_;  ///< for pieces to be passed on
  std::vector<Served> served_;                                  ///< reads on their way out
  StoreWork store_work_;
  int outstanding_receives_ = 0;
  Cycle port_free_ = 0;     ///< network-in port of the buffer
  Cycle staging_free_ = 0;  ///< way into the staging FIFO
  Cycle now_ = 0;
  Cycle next_wake_ = kNever;
  Cycle accounted_ = 0;  ///< the cycle stack covers everything before
  CycleStack stack_;
  std::vector<TileCounts> counts_;  ///< per turn
  Bytes peak_bytes_ = 0;
  std::int64_t peak_reserved_words_ = 0;
  Bytes peak_staging_bytes_ = 0;
  workloads::Region last_block_[2];  ///< idealisation toolwords: what the registers hold
  Bytes payload_received_ = 0;
  ArrayExecutor* executor_ = nullptr;
  TileObserver* observer_ = nullptr;
  InstructionEvent computing_;      ///< observed: the compute queue's instruction that takes time
  Bytes told_bytes_ = 0;            ///< observed: occupancy that the observer knows of
  bool occupancy_changed_ = false;  ///< since the observer was told
};

}  // namespace tessera::hw
