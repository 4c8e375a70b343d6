/// One operation that can be repeated.
struct Benchmark: Sendable {
    let name: String
    /// Does it this many times; the result depends on the work, so that none is left out.
    let run: @Sendable (Int) -> Int

    init(_ name: String, run: @escaping @Sendable (Int) -> Int) {
        self.name = name
        self.run = run
    }
}
