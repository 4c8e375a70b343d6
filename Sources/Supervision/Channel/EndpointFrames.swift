import Bytes
import DataPlane
import SwiftProtobuf
import TrafficPolicy

/// Endpoints in messages between processes. Labels, which many endpoints have in common, are sent once.
enum EndpointFrames {
    static func encode(_ endpoints: [Endpoint], _ frame: inout FrameWriter) {
        var places: [SocketLabels: Int] = [:]
        var table: [SocketLabels] = []
        for labels in endpoints.compactMap(\.labels) where places[labels] == nil {
            table.append(labels)
            places[labels] = table.count
        }
        frame.put(table.count)
        for labels in table { frame.put(bytes: labels.encoded) }
        frame.put(endpoints.count)
        for endpoint in endpoints {
            encode(endpoint, &frame)
            frame.put(endpoint.labels.flatMap { places[$0] } ?? 0)
        }
    }

    static func decode(_ frame: inout FrameReader) throws(FrameError) -> [Endpoint] {
        var table: [SocketLabels] = []
        for _ in 0..<(try count(&frame)) {
            guard let labels = SocketLabels(encoded: try frame.countedBytes()) else { throw FrameError(offset: frame.offset) }
            table.append(labels)
        }
        var endpoints: [Endpoint] = []
        for _ in 0..<(try count(&frame)) {
            var endpoint = try endpoint(&frame)
            let place = try frame.int()
            guard (0...table.count).contains(place) else { throw FrameError(offset: frame.offset) }
            if place > 0 { endpoint.labels = table[place - 1] }
            endpoints.append(endpoint)
        }
        return endpoints
    }

    /// A number of things that are each longer than a byte.
    private static func count(_ frame: inout FrameReader) throws(FrameError) -> Int {
        let count = try frame.int()
        guard (0...MessageChannel.maximumMessage).contains(count) else { throw FrameError(offset: frame.offset) }
        return count
    }

    private static func encode(_ endpoint: Endpoint, _ frame: inout FrameWriter) {
        switch endpoint.address.kind {
        case .ip(let ip, let port):
            frame.put(ip.isIPv6 ? 6 as UInt8 : 4)
            frame.put(ip.high)
            frame.put(ip.low)
            frame.put(UInt64(port))
        case .unix(let path):
            frame.put(0 as UInt8)
            frame.put(path)
        }
        frame.put(endpoint.hostname ?? "")
        frame.put(UInt64(endpoint.weight))
        frame.put(endpoint.priority)
        frame.put(UInt64(endpoint.health.rawValue))
    }

    private static func endpoint(_ frame: inout FrameReader) throws(FrameError) -> Endpoint {
        let address: SocketAddress
        switch try frame.byte() {
        case 0: address = SocketAddress(unixPath: try frame.text())
        case let family:
            let high = try frame.number()
            let low = try frame.number()
            let port = UInt16(truncatingIfNeeded: try frame.number())
            address = SocketAddress(family == 6 ? .init(high: high, low: low) : .init(v4: UInt32(truncatingIfNeeded: low)), port: port)
        }
        let hostname = try frame.text()
        let weight = UInt32(truncatingIfNeeded: try frame.number())
        let priority = try frame.int()
        let health = HostHealthFlags(rawValue: .init(truncatingIfNeeded: try frame.number()))
        return Endpoint(
            address: address, hostname: hostname.isEmpty ? nil : hostname, weight: weight, priority: priority, health: health)
    }
}

extension SocketLabels {
    /// Both parts, counted, in protobuf's binary form.
    var encoded: [UInt8] {
        var frame = FrameWriter()
        for part in [endpoint, locality] {
            // A struct has neither required fields nor such that cannot be written.
            frame.put(bytes: (try? part.serializedBytes()) ?? [])
        }
        return frame.bytes
    }

    /// Nil for what ``encoded`` does not give.
    convenience init?(encoded: [UInt8]) {
        var frame = FrameReader(encoded)
        guard let first = try? frame.countedBytes(), let second = try? frame.countedBytes(), frame.isAtEnd,
            let endpoint = try? Google_Protobuf_Struct(serializedBytes: first),
            let locality = try? Google_Protobuf_Struct(serializedBytes: second)
        else { return nil }
        self.init(endpoint: endpoint, locality: locality)
    }
}
