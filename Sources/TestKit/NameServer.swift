import Foundation
import Glibc
import Synchronization

/// A small DNS server (RFC 1035) over UDP that says what it is told to, and keeps what it was asked.
package final class NameServer: Sendable {
    /// What a name has.
    package struct Record: Sendable {
        package var ipv4: [String]
        package var ipv6: [String]
        /// Seconds.
        package var ttl: UInt32

        package init(_ ipv4: [String], ipv6: [String] = [], ttl: UInt32 = 3600) {
            self.ipv4 = ipv4
            self.ipv6 = ipv6
            self.ttl = ttl
        }
    }

    /// How questions are answered.
    package enum Behaviour: Sendable {
        case answers
        /// SERVFAIL.
        case fails
        case silent
    }

    /// One question that came.
    package struct Question: Equatable, Sendable {
        package var name: String
        /// 1 for A, 28 for AAAA.
        package var type: UInt16
        /// Milliseconds of the monotonic clock.
        package var time: Int64
    }

    private struct State {
        var zone: [String: Record]
        var behaviour = Behaviour.answers
        var questions: [Question] = []
        var isStopped = false
    }

    /// The port on loopback.
    package let port: UInt16
    private let descriptor: Int32
    private let state: Mutex<State>

    /// Answers at once; a name that is not in the zone does not exist.
    package init(_ zone: [String: Record]) {
        state = Mutex(State(zone: zone))
        let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        descriptor = socket
        var name = Loopback.socketAddress(port: 0)
        let isBound = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(isBound == 0, "the name server cannot be bound")
        port = Loopback.boundPort(socket)
        Thread.detachNewThread { self.serve() }
    }

    /// Answers nobody any more.
    package func stop() { state.withLock { $0.isStopped = true } }

    /// Changes what a name has; nil: there is no such name.
    package func set(_ name: String, _ record: Record?) { state.withLock { $0.zone[name] = record } }

    /// Changes how questions are answered from now on.
    package func behave(_ behaviour: Behaviour) { state.withLock { $0.behaviour = behaviour } }

    /// What was asked for a name so far.
    package func questions(for name: String) -> [Question] {
        state.withLock { $0.questions.filter { $0.name == name } }
    }

    private func serve() {
        var buffer = [UInt8](repeating: 0, count: 1500)
        while !state.withLock({ $0.isStopped }) {
            guard Deadline(seconds: 0.1).waits(for: descriptor, POLLIN) else { continue }
            var peer = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &peer) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
                    let count = recvfrom(descriptor, &buffer, buffer.count, 0, peer, &length)
                    guard count > 0, let reply = answer(buffer[..<count]) else { return }
                    sendto(descriptor, reply, reply.count, 0, peer, length)
                }
            }
        }
        close(descriptor)
    }

    /// Nil for what is no question, and when nothing is to be said.
    private func answer(_ message: ArraySlice<UInt8>) -> [UInt8]? {
        guard let (name, type, end) = Self.question(message) else { return nil }
        return state.withLock { state in
            state.questions.append(Question(name: name, type: type, time: Deadline.now))
            let record = state.zone[name]
            var answers: [UInt8] = []
            var count: UInt8 = 0
            var code: UInt8 = record == nil ? 3 : 0
            switch state.behaviour {
            case .silent: return nil
            case .fails: code = 2
            case .answers:
                for data in Self.data(record, type) {
                    // The name of the question, the type, the class IN, the time to live, the data.
                    answers += [0xC0, 12, UInt8(type >> 8), UInt8(type & 0xFF), 0, 1] + HTTP2Frame.word(record?.ttl ?? 0)
                    answers += [0, UInt8(data.count)] + data
                    count += 1
                }
            }
            // A response, recursion desired and available.
            let head = Array(message.prefix(2)) + [0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]
            return head + message[12..<end] + answers
        }
    }

    private static func data(_ record: Record?, _ type: UInt16) -> [[UInt8]] {
        let (texts, family, size) = type == 1 ? (record?.ipv4, AF_INET, 4) : (type == 28 ? record?.ipv6 : [], AF_INET6, 16)
        return (texts ?? []).map { text in
            var bytes = [UInt8](repeating: 0, count: size)
            precondition(inet_pton(family, text, &bytes) == 1, "\(text) is no address")
            return bytes
        }
    }

    /// The first question and where it ends.
    private static func question(_ message: ArraySlice<UInt8>) -> (name: String, type: UInt16, end: Int)? {
        var labels: [String] = []
        var place = 12
        while place < message.count, message[place] != 0 {
            let length = Int(message[place])
            guard length < 64, place + length < message.count else { return nil }
            labels.append(String(decoding: message[place + 1...place + length], as: UTF8.self).lowercased())
            place += length + 1
        }
        guard place + 5 <= message.count else { return nil }
        let type = UInt16(message[place + 1]) << 8 | UInt16(message[place + 2])
        return (labels.joined(separator: "."), type, place + 5)
    }
}
