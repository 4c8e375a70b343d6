import Foundation
import Glibc
import Synchronization
import TestKit

/// `Tests/Peers/control_plane.py`: a control plane on grpcio and Envoy's own descriptors, which follows commands and tells
/// what it was asked.
final class ControlPlanePeer: Sendable {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// One line of what it tells.
    struct Event: @unchecked Sendable {
        // Safety: a value of JSON, never changed.
        let fields: [String: Any]

        var kind: String { fields["event"] as? String ?? "" }
        var type: String { fields["type"] as? String ?? "" }
        func text(_ name: String) -> String? { fields[name] as? String }
        func number(_ name: String) -> Int { fields[name] as? Int ?? 0 }
        func names(_ name: String) -> [String] { fields[name] as? [String] ?? [] }
        var isRequest: Bool { kind == "request" }
    }

    /// The interpreter that has grpcio and xds-protos: `HEDDLE_PYTHON`, or the virtual environment's.
    static let interpreter: String? = {
        let candidates = [
            ProcessInfo.processInfo.environment["HEDDLE_PYTHON"], ProxyProcess.root + "/.venv/bin/python3",
        ]
        return candidates.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    private let id: Int32
    private let commands: Int32
    private let events = Mutex<[Event]>([])
    /// Its port on 127.0.0.1; the same after a stop.
    let port: UInt16

    init(_ flags: [String] = []) throws {
        guard let interpreter = Self.interpreter else { throw Failed(description: "no Python with grpcio: make setup") }
        var toPeer: [Int32] = [0, 0]
        var fromPeer: [Int32] = [0, 0]
        guard pipe(&toPeer) == 0, pipe(&fromPeer) == 0 else { throw Failed(description: "no pipe") }
        for end in [toPeer[1], fromPeer[0]] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toPeer[0], 0)
        posix_spawn_file_actions_adddup2(&actions, fromPeer[1], 1)
        var words: [UnsafeMutablePointer<CChar>?] =
            ([interpreter, ProxyProcess.root + "/Tests/Peers/control_plane.py"] + flags).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let status = posix_spawn(&child, interpreter, &actions, nil, &words, environ)
        close(toPeer[0])
        close(fromPeer[1])
        guard status == 0 else { throw Failed(description: "cannot start \(interpreter)") }
        id = child
        commands = toPeer[1]
        let reading = fromPeer[0]
        let first = Self.line(reading)
        port = UInt16(first?.number("port") ?? 0)
        guard port != 0 else { throw Failed(description: "the control plane does not listen") }
        Thread.detachNewThread { [weak self] in
            while let event = Self.line(reading) { self?.events.withLock { $0.append(event) } }
            close(reading)
        }
    }

    deinit {
        close(commands)
        kill(id, SIGTERM)
        if !Deadline(seconds: 5).polls({ waitpid(id, nil, Int32(WNOHANG)) != 0 }) { kill(id, SIGKILL) }
    }

    /// Reads one event; a byte at a time is enough for a test.
    private static func line(_ descriptor: Int32) -> Event? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1 {
            if byte == 0x0A {
                let fields = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
                return Event(fields: fields ?? [:])
            }
            bytes.append(byte)
        }
        return nil
    }

    // MARK: Commands

    /// How many events there have been.
    var mark: Int { events.withLock { $0.count } }

    /// Has it obey, and waits until it has.
    /// - Returns: how many events there had been before.
    @discardableResult
    func obey(_ command: [String: Any]) throws -> Int {
        let before = mark
        var bytes = try JSONSerialization.data(withJSONObject: command)
        bytes.append(0x0A)
        let sent = bytes.withUnsafeBytes { write(commands, $0.baseAddress, $0.count) }
        guard sent == bytes.count else { throw Failed(description: "the control plane takes no command") }
        let end = try wait(after: before) { $0.kind == "done" || $0.kind == "trouble" }
        if end.kind == "trouble" { throw Failed(description: end.text("text") ?? "") }
        return before
    }

    @discardableResult
    func set(_ resources: [[String: Any]], remove: [(String, String)] = []) throws -> Int {
        try obey(["set": resources, "remove": remove.map { [$0.0, $0.1] }])
    }

    /// Changes resources and waits until the proxy has acknowledged the response with the last of them.
    func change(_ resources: [[String: Any]], remove: [(String, String)] = [], type: String) throws {
        let mark = try set(resources, remove: remove)
        let response = try wait(after: mark) { $0.kind == "response" && $0.type == type }
        let answer = try wait(after: mark) { $0.isRequest && $0.text("nonce") == response.text("nonce") }
        if let error = answer.text("error") { throw Failed(description: "\(type) is refused: \(error)") }
    }

    // MARK: Events

    /// What it told from a mark on.
    func told(after mark: Int = 0) -> [Event] { events.withLock { Array($0.dropFirst(mark)) } }

    /// Waits for an event.
    @discardableResult
    func wait(after mark: Int = 0, seconds: Double = 30, _ isMeant: (Event) -> Bool) throws -> Event {
        var found: Event?
        let came = Deadline(seconds: seconds).polls(every: 5) {
            found = told(after: mark).first(where: isMeant)
            return found != nil
        }
        guard came, let found else {
            let last = told(after: mark).suffix(30).map { "\($0.fields)" }.joined(separator: "\n")
            throw Failed(description: "the control plane was not told what was expected:\n\(last)")
        }
        return found
    }

    /// Its totals.
    func state() throws -> Event {
        let mark = try obey(["state": true])
        return try wait(after: mark) { $0.kind == "state" }
    }
}
