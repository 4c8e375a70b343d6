import CLinux
import Foundation
import Glibc

/// What the load generator says, line by line.
package struct LoadLine: Codable, Sendable {
    /// What one page met with.
    package struct Page: Codable, Sendable {
        package let page: String
        package let requests: Int
        package let failures: Int
        package let p50_ms: Double
        package let p90_ms: Double
        package let p99_ms: Double
    }

    /// `recent` for what happened since the last line, `report` for all.
    package let kind: String
    package let seconds: Double
    package let requests: Int
    package let failures: Int
    package let rps: Double
    package let p50_ms: Double
    package let p90_ms: Double
    package let p99_ms: Double
    package let pages: [Page]?
    package let reasons: [String: Int]?
}

/// The load generator as a process, and the lines that it writes.
final class LoadRun {
    /// How long a generator that was told to end may take for its report.
    private static let endPatience = 40.0
    private static let mostBytes = 1024 * 1024

    let child: ChildProcess
    private let folder: RunFolder
    /// Readable when there is a line.
    let descriptor: Int32
    private var unread: [UInt8] = []
    private var isAtEnd = false
    private var report: LoadLine?

    init(tools: DemoTools, frontend: (host: String, port: Int), arguments: [String], folder: RunFolder) throws(DemoError) {
        self.folder = folder
        var ends: [Int32] = [-1, -1]
        guard heddle_pipe(&ends) == 0 else { throw .cannotStart(program: tools.shop, reason: "no pipe") }
        defer { close(ends[1]) }
        descriptor = ends[0]
        child = try ChildProcess(
            name: "loadgenerator", program: tools.shop, arguments: ["loadgenerator", "--json", "--patience", "0s"] + arguments,
            environment: ["FRONTEND_ADDR": "\(frontend.host):\(frontend.port)"], output: ends[1],
            log: folder.log(of: "loadgenerator"))
    }

    deinit { close(descriptor) }

    /// Whether it has said all.
    var isOver: Bool { isAtEnd }

    /// The lines that are there; waits for one if `descriptor` is not readable.
    func lines() -> [LoadLine] {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        let count = read(descriptor, &chunk, chunk.count)
        if count <= 0 || unread.count > Self.mostBytes {
            isAtEnd = true
            return []
        }
        unread += chunk[..<count]
        var lines: [LoadLine] = []
        while let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Data(unread[..<end])
            unread.removeFirst(end + 1)
            guard let decoded = try? JSONDecoder().decode(LoadLine.self, from: line) else { continue }
            if decoded.kind == "report" { report = decoded }
            lines.append(decoded)
        }
        return lines
    }

    /// Tells it to end and waits for its report. One that ends without has failed, unless it was told to end before it knew
    /// how to.
    func finish(isInterrupted: Bool) throws(DemoError) -> LoadLine? {
        child.signal(SIGTERM)
        let watch = Stopwatch()
        while !isAtEnd, watch.seconds < Self.endPatience {
            if Stopwatch.wait(for: [descriptor], seconds: 0.1).contains(descriptor) { _ = lines() }
        }
        if !child.waitForEnd(seconds: 1) { child.signal(SIGKILL) }
        if report == nil, !isInterrupted { throw folder.ended(child) }
        return report
    }
}
