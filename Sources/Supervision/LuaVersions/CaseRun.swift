import CLinux
import DataPlane
package import Filters
import Glibc
import ProxyModel
import Reactor
import SwiftProtobuf

/// Runs cases and returns what is not as it must be, a text for each order; empty where all is.
package typealias LuaCaseRunner = @Sendable ([LuaCaseOrder]) -> [String]

/// Runs the cases that changed listeners name, in a process of their own: a script that was never tried must not run in the
/// process that holds the proxy together.
@WorkerActor final class CaseRun: EventHandler {
    /// What is to be tried: a resource's number, and the listener.
    typealias Subject = (number: UInt32, listener: [UInt8])

    /// How long all cases of a change may take.
    private static let patience: UInt64 = 60_000_000_000
    /// Bytes of reasons that are read.
    private static let maximumResult = 1 << 20
    /// Where the process finds what to try, and writes what came of it.
    private nonisolated static let orderDescriptor: Int32 = 3
    private nonisolated static let resultDescriptor: Int32 = 4

    private let loop: EventLoop
    private let subjects: [Subject]
    private let process: Int32
    private let result: Int32
    private var received: [UInt8] = []
    private var timer: LoopTimer?
    private var done: (@WorkerActor ([UInt32: String]) -> Void)?

    /// - Parameter done: gets the reasons against those that are refused. It is not called before the next turn.
    init(_ subjects: [Subject], loop: EventLoop, done: @escaping @WorkerActor ([UInt32: String]) -> Void) throws(SystemError) {
        self.loop = loop
        self.subjects = subjects
        self.done = done
        var frame = FrameWriter()
        frame.put(subjects.count)
        for subject in subjects {
            frame.put(UInt64(subject.number))
            frame.put(bytes: subject.listener)
        }
        let order = try MemoryFile.write(frame.bytes)
        var ends: [Int32] = [-1, -1]
        guard heddle_pipe(&ends) == 0 else { throw SystemError("pipe") }
        let mine = Descriptor(ends[0])
        let theirs = Descriptor(ends[1])
        process = try LaunchedProcess.start(
            ["--run-cases"], descriptors: [(order.raw, Self.orderDescriptor), (theirs.raw, Self.resultDescriptor)])
        _ = fcntl(mine.raw, F_SETFL, O_NONBLOCK)
        result = mine.release()
        try loop.watch(result, [.readable, .readHangup], self)
        let timer = LoopTimer(loop: loop) { [unowned self] in self.end("the cases take longer than \(Self.patience / 1_000_000_000) s") }
        timer.schedule(after: Self.patience)
        self.timer = timer
    }

    func ready(_ readiness: Readiness) {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(result, &buffer, buffer.count)
            if count > 0, received.count < Self.maximumResult {
                received += buffer[..<count]
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                return
            } else {
                return end(nil)
            }
        }
    }

    private func end(_ problem: String?) {
        guard let done else { return }
        self.done = nil
        timer?.cancel()
        loop.unwatch(result)
        Glibc.close(result)
        // Only one that still has its end of the pipe open comes here with a problem: the number is still its own.
        if problem != nil { kill(process, SIGKILL) }
        var reasons = Self.reasons(received)
        for subject in subjects where reasons[subject.number] == nil {
            reasons[subject.number] = problem ?? "the process that ran its cases ended without a result"
        }
        done(reasons.filter { !$0.value.isEmpty })
    }

    private static func reasons(_ bytes: [UInt8]) -> [UInt32: String] {
        var reasons: [UInt32: String] = [:]
        var frame = FrameReader(bytes)
        while !frame.isAtEnd {
            guard let number = try? frame.number(), let reason = try? frame.text() else { break }
            reasons[UInt32(truncatingIfNeeded: number)] = reason
        }
        return reasons
    }

    // MARK: The process that runs them

    /// Tries what descriptor 3 holds.
    nonisolated static func runChild(_ run: LuaCaseRunner) {
        var written = FrameWriter()
        do {
            var frame = FrameReader(try MemoryFile.read(orderDescriptor))
            for _ in 0..<(try frame.int()) {
                let number = try frame.number()
                let listener = try Envoy_Config_Listener_V3_Listener(
                    serializedBytes: try frame.countedBytes(), options: ConfigDecoder.binaryOptions)
                let problems = problems(of: listener, run)
                written.put(number)
                written.put(problems.map(\.description).joined(separator: "; "))
            }
        } catch {
            // What has no result is refused by the reader.
            return write(written.bytes)
        }
        write(written.bytes)
    }

    /// What is not as it must be, with the path from the listener to the field that names the cases.
    nonisolated static func problems(
        of listener: Envoy_Config_Listener_V3_Listener, _ run: LuaCaseRunner
    ) -> [ConfigProblem] {
        let orders = ConfiguredLuaFilter.cases(of: listener)
        return zip(orders, run(orders)).filter { !$1.isEmpty }.map { ConfigProblem($1, path: $0.path) }
    }

    private nonisolated static func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(resultDescriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
