// Slot arithmetic of the tile buffer against hand counts and against the arbiter that walks every
// cycle.
#include <gtest/gtest.h>

#include <deque>

#include "hw_models/buffer/buffer_arbiter.h"
#include "hw_models/buffer/buffer_ports.h"
#include "sim/base/error.h"
#include "sim/base/random.h"

namespace tessera::hw {
namespace {

BufferDescription buffer(int banks, int ports) {
  BufferDescription description;
  description.banks = banks;
  description.ports = ports;
  description.bytes = 1024 * static_cast<Bytes>(banks);
  return description;
}

TEST(ArraySlot, StreamReachesBankOfItsPhaseInTheSameCycle) {
  // 8 banks: in cycle 5 stream 1 reaches bank 6; line 14 is in bank 6.
  EXPECT_EQ(BufferPorts(buffer(8, 2)).array_slot(1, 14, 5), 5u);
}

TEST(ArraySlot, OneCycleTooLateWaitsForTheWholeRotation) {
  // The pointer passed bank 6 in cycle 5 and is back in cycle 13, 7 cycles after cycle 6.
  EXPECT_EQ(BufferPorts(buffer(8, 2)).array_slot(1, 14, 6), 13u);
}

TEST(ArraySlot, SequentialLinesFollowEveryCycle) {
  const BufferPorts ports(buffer(8, 2));
  // Line 3, stream 0, from cycle 0: bank 3 in cycle 3; lines 4, 5, ... in cycles 4, 5, ...
  EXPECT_EQ(ports.array_line(0, 3, 0, 0), 3u);
  EXPECT_EQ(ports.array_line(0, 3, 20, 0), 23u);
  EXPECT_EQ(ports.array_slot(0, 3 + 20, 23), 23u);
}

TEST(ArraySlot, OnePortServesTheArrayEverySecondCycle) {
  const BufferPorts ports(buffer(4, 1));
  // Slots u = 0, 1, 2, ... are cycles 0, 2, 4, ...; stream 3 reaches bank (u + 3) mod 4: line 1
  // (bank 1) in slot 2, cycle 4. From cycle 5 the next is slot 6, cycle 12.
  EXPECT_EQ(ports.array_slot(3, 1, 0), 4u);
  EXPECT_EQ(ports.array_slot(3, 1, 5), 12u);
  EXPECT_EQ(ports.array_line(3, 1, 1, 0), 6u);
}

TEST(NetworkSlot, DirectionsAlternate) {
  const BufferPorts two(buffer(8, 2));
  EXPECT_EQ(two.network_in_slot(4), 4u);
  EXPECT_EQ(two.network_in_slot(5), 6u);
  EXPECT_EQ(two.network_out_slot(4), 5u);
  EXPECT_EQ(two.network_out_slot(5), 5u);
  const BufferPorts one(buffer(8, 1));  // A, in, A, out
  EXPECT_EQ(one.network_in_slot(0), 1u);
  EXPECT_EQ(one.network_in_slot(2), 5u);
  EXPECT_EQ(one.network_out_slot(0), 3u);
  EXPECT_EQ(one.network_out_slot(4), 7u);
}

TEST(PacketWritten, LinesTakeEverySecondCycleAfterTheTail) {
  const BufferPorts ports(buffer(8, 2));
  // Tail in cycle 10: first write slot is cycle 12; 8 lines: 12, 14, ..., 26.
  EXPECT_EQ(ports.packet_written(10, 8, 0), 26u);
  // Tail in cycle 11: also 12.
  EXPECT_EQ(ports.packet_written(11, 1, 0), 12u);
  // The packet before ended in cycle 26: next slot is 28.
  EXPECT_EQ(ports.packet_written(11, 1, 27), 28u);
}

TEST(FirstFlit, LeavesTheCycleAfterItsLineIsRead) {
  const BufferPorts ports(buffer(8, 2));
  EXPECT_EQ(ports.first_flit_leaves(4), 6u);  // read in 5
  EXPECT_EQ(ports.first_flit_leaves(5), 6u);
}

TEST(BufferArbiter, RefusesAccessOutOfTurnAndTwiceInACycle) {
  BufferArbiter arbiter(buffer(8, 2), "buffer");
  arbiter.next_cycle();
  EXPECT_TRUE(arbiter.offers(kWeightStream, 1));
  EXPECT_FALSE(arbiter.offers(kWeightStream, 0));
  arbiter.access(kWeightStream, 9);
  EXPECT_THROW(arbiter.access(kWeightStream, 9), InvariantViolation);
  EXPECT_THROW(arbiter.access(kInputStream, 1), InvariantViolation);
  EXPECT_THROW(arbiter.access(NetworkDirection::kOut, 0), InvariantViolation);
  arbiter.access(NetworkDirection::kIn, 9);
}

/// First cycle >= from in which the arbiter offers the line.
Cycle walk(const BufferDescription& description, int stream, std::int64_t line, Cycle from) {
  BufferArbiter arbiter(description, "buffer");
  do arbiter.next_cycle();
  while (arbiter.now() < from || !arbiter.offers(static_cast<BufferStream>(stream), line));
  return arbiter.now();
}

TEST(BufferPorts, SlotsEqualTheArbiterForAllPhases) {
  for (const int ports : {1, 2})
    for (const int banks : {4, 5, 8, 27}) {
      const BufferDescription description = buffer(banks, ports);
      const BufferPorts slots(description);
      for (int stream = 0; stream < kBufferStreams; ++stream)
        for (std::int64_t line = 0; line < banks + 2; ++line)
          for (Cycle from = 0; from < 2 * slots.slot_period(); from += 3)
            ASSERT_EQ(slots.array_slot(stream, line, from), walk(description, stream, line, from));
    }
}

TEST(BufferPorts, AllStreamsAndTheNetworkTogetherNeverMeetInABank) {
  // Four endless streams from random lines, random packets in, one message out: every access at the
  // cycle that the arithmetic gives is in turn and alone in its bank.
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    const int ports = 1 + static_cast<int>(random.below(2));
    const BufferDescription description = buffer(4 + static_cast<int>(random.below(9)), ports);
    const BufferPorts slots(description);
    std::int64_t line[kBufferStreams];
    Cycle due[kBufferStreams];
    for (int s = 0; s < kBufferStreams; ++s) {
      line[s] = static_cast<std::int64_t>(random.below(100));
      due[s] = slots.array_slot(s, line[s], random.below(20));
    }
    std::deque<Cycle> writes;
    Cycle port_free = 0;
    for (Cycle tail = random.below(9); tail < 300; tail += 2 + random.below(40)) {
      const auto lines = static_cast<std::int64_t>(1 + random.below(8));
      const Cycle last = slots.packet_written(tail, lines, port_free);
      for (std::int64_t i = 0; i < lines; ++i)
        writes.push_back(last - static_cast<Cycle>(lines - 1 - i) * slots.network_spacing());
      ASSERT_GT(writes[writes.size() - lines], tail);
      port_free = last + 1;
    }
    Cycle read = slots.first_flit_leaves(random.below(9)) - 1;
    BufferArbiter arbiter(description, "buffer");
    for (arbiter.next_cycle(); arbiter.now() < 300; arbiter.next_cycle()) {
      for (int s = 0; s < kBufferStreams; ++s)
        if (due[s] == arbiter.now()) {
          arbiter.access(static_cast<BufferStream>(s), line[s]++);
          due[s] += slots.slot_spacing();
        }
      if (!writes.empty() && writes.front() == arbiter.now()) {
        arbiter.access(NetworkDirection::kIn, static_cast<std::int64_t>(random.below(64)));
        writes.pop_front();
      }
      if (read == arbiter.now()) {
        arbiter.access(NetworkDirection::kOut, static_cast<std::int64_t>(random.below(64)));
        read += slots.network_spacing();
      }
    }
  }
}

}  // namespace
}  // namespace tessera::hw
