/// Earliest deadline first: a host of weight w comes up every 1/w of virtual time, so that picks follow the weights
/// closely at any moment and never come in bursts. A binary heap in one array; a pick allocates nothing.
struct DeadlineSchedule {
    private struct Entry {
        var deadline: Double
        var slot: Int32
    }

    private var heap: [Entry] = []

    /// Fills the schedule anew. Each first deadline is drawn within the host's period: workers and reloads do not all
    /// begin with the same host.
    mutating func rebuild(_ slots: [Int32], random: inout FastRandom, weight: (Int) -> Double) {
        heap.removeAll(keepingCapacity: true)
        heap.reserveCapacity(slots.count)
        for slot in slots {
            heap.append(Entry(deadline: random.nextFraction() / weight(Int(slot)), slot: slot))
        }
        var index = heap.count / 2
        while index > 0 {
            index -= 1
            siftDown(index)
        }
    }

    mutating func removeAll() { heap.removeAll(keepingCapacity: true) }

    /// The host whose turn it is. The schedule must not be empty.
    var first: Int { Int(heap[0].slot) }

    /// Moves the first host to its next turn.
    mutating func advance(weight: Double) {
        heap[0].deadline += 1 / weight
        siftDown(0)
    }

    private mutating func siftDown(_ start: Int) {
        let count = heap.count
        heap.withUnsafeMutableBufferPointer { heap in
            let moved = heap[start]
            var index = start
            while true {
                var child = 2 * index + 1
                guard child < count else { break }
                if child + 1 < count, heap[child + 1].deadline < heap[child].deadline { child += 1 }
                guard heap[child].deadline < moved.deadline else { break }
                heap[index] = heap[child]
                index = child
            }
            heap[index] = moved
        }
    }
}
