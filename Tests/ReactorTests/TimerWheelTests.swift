import Reactor
import Testing

struct TimerWheelTests {
    static let millisecond: UInt64 = 1_000_000

    /// A small seeded generator, so that a failing case can be run again.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test("a deadline expires at its tick, neither before nor a tick later", arguments: [1, 2, 63, 64, 65, 4_095, 4_096, 4_097, 262_144, 300_000, 20_000_000])
    func exact(milliseconds: UInt64) {
        let start: UInt64 = 987_654 * Self.millisecond
        var wheel = TimerWheel(now: start)
        _ = wheel.insert(deadline: start + milliseconds * Self.millisecond, datum: 42)
        var fired: [UInt64] = []
        wheel.advance(to: start + (milliseconds - 1) * Self.millisecond)
        while let datum = wheel.takeExpired() { fired.append(datum) }
        #expect(fired.isEmpty)
        wheel.advance(to: start + milliseconds * Self.millisecond)
        while let datum = wheel.takeExpired() { fired.append(datum) }
        #expect(fired == [42])
        let left = wheel.count
        #expect(left == 0)
    }

    @Test("against a sorted list: random inserts, cancels and steps agree", arguments: UInt64(1)...20)
    func model(seed: UInt64) {
        var random = Generator(state: seed)
        var now: UInt64 = 5_000_000_000
        var wheel = TimerWheel(now: now)
        var expected: [UInt64: UInt64] = [:]
        var handles: [UInt64: TimerWheel.Identifier] = [:]
        var nextDatum: UInt64 = 0
        for _ in 0..<3_000 {
            switch random.next() % 4 {
            case 0, 1:
                let reach: [UInt64] = [3, 80, 5_000, 400_000, 30_000_000]
                let deadline = now + (random.next() % reach[Int(random.next() % 5)] + 1) * Self.millisecond
                handles[nextDatum] = wheel.insert(deadline: deadline, datum: nextDatum)
                expected[nextDatum] = deadline
                nextDatum += 1
            case 2:
                if let victim = expected.keys.sorted().randomElement(using: &random), let handle = handles[victim] {
                    wheel.cancel(handle)
                    expected[victim] = nil
                }
            default:
                // Either a random step or exactly as far as the wheel asks to be woken.
                if random.next() % 2 == 0, let wake = wheel.nextWakeUp { now = max(now, wake) } else { now += random.next() % (9_000 * Self.millisecond) }
                var fired: Set<UInt64> = []
                wheel.advance(to: now)
                while let datum = wheel.takeExpired() { fired.insert(datum) }
                let due = Set(expected.filter { ($0.value + Self.millisecond - 1) / Self.millisecond <= now / Self.millisecond }.keys)
                #expect(fired == due)
                for datum in due { expected[datum] = nil }
            }
            let count = wheel.count
            #expect(count == expected.count)
        }
    }
}
