import Bytes
import HTTPModel

/// What each operator prints. Every part returns whether the value is there; when not, what it wrote is taken back.
extension FormatProgram {
    func evaluate(
        _ instruction: Instruction, to writer: inout ByteWriter, request: borrowing HeaderBlock,
        response: borrowing HeaderBlock, trailers: borrowing HeaderBlock, info: borrowing StreamInfo
    ) -> Bool {
        switch instruction.operation {
        case .request: return field(instruction, of: request, to: &writer)
        case .response: return field(instruction, of: response, to: &writer)
        case .trailer: return field(instruction, of: trailers, to: &writer)
        case .requestWithoutQuery, .path, .queryParameter, .queryParameters:
            return pathPart(instruction, request, to: &writer)
        case .requestHeadersBytes: return number(request.byteCount, to: &writer)
        case .responseHeadersBytes: return number(response.byteCount, to: &writer)
        case .responseTrailersBytes: return number(trailers.byteCount, to: &writer)
        case .grpcStatus, .grpcStatusNumber:
            return grpcStatus(instruction, response: response, trailers: trailers, info: info, to: &writer)
        case .streamID:
            if let id = request.get(.xRequestID) { return write(id, instruction, to: &writer) }
            return number(info.streamID, to: &writer)
        case .uniqueID: return uniqueID(info, to: &writer)
        default: break
        }
        if instruction.operation.isNumber { return numberValue(instruction, info, to: &writer) }
        let mark = writer.count
        guard plainValue(instruction, info, to: &writer) else { return false }
        // A value of JSON is cut before it becomes one, or not at all.
        let isJSON = instruction.style == .typedJSON && instruction.operation.writesJSON
        if instruction.limit >= 0, !isJSON, writer.count - mark > Int(instruction.limit) {
            writer.truncate(to: mark + Int(instruction.limit))
        }
        return true
    }

    // MARK: Fields of messages

    private func field(_ instruction: Instruction, of block: borrowing HeaderBlock, to writer: inout ByteWriter) -> Bool {
        if let value = lookUp(instruction.first, instruction.firstKnown, in: block) {
            return write(value, instruction, to: &writer)
        }
        guard instruction.second.count > 0, let value = lookUp(instruction.second, instruction.secondKnown, in: block) else {
            return false
        }
        return write(value, instruction, to: &writer)
    }

    private func lookUp(_ name: Span, _ known: UInt8, in block: borrowing HeaderBlock) -> UnsafeRawBufferPointer? {
        known != 0 ? block.get(KnownHeader(rawValue: known)) : block.get(text(name))
    }

    private func pathPart(_ instruction: Instruction, _ request: borrowing HeaderBlock, to writer: inout ByteWriter) -> Bool {
        switch instruction.operation {
        case .requestWithoutQuery:
            guard
                let value = lookUp(instruction.first, instruction.firstKnown, in: request)
                    ?? (instruction.second.count > 0 ? lookUp(instruction.second, instruction.secondKnown, in: request) : nil)
            else { return false }
            return write(value.slice(0, value.offset(of: 0x3F) ?? value.count), instruction, to: &writer)
        case .path:
            let original = instruction.variant & PathVariant.path == 0 ? request.get(.xEnvoyOriginalPath) : nil
            let plain = instruction.variant & PathVariant.original == 0 ? request.get(.path) : nil
            guard let value = original ?? plain else { return false }
            let end = instruction.variant & PathVariant.withoutQuery != 0 ? value.offset(of: 0x3F) ?? value.count : value.count
            return write(value.slice(0, end), instruction, to: &writer)
        default:
            guard let path = request.get(.path), let mark = path.offset(of: 0x3F) else { return false }
            let query = path.slice(mark + 1, path.count)
            if instruction.operation == .queryParameters { return write(query, instruction, to: &writer) }
            guard let value = FormatProgram.parameter(text(instruction.first), in: query) else { return false }
            return write(value, instruction, to: &writer)
        }
    }

    private static func parameter(_ name: UnsafeRawBufferPointer, in query: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var rest = query
        while !rest.isEmpty {
            let end = rest.offset(of: 0x26) ?? rest.count
            let pair = rest.slice(0, end)
            let equals = pair.offset(of: 0x3D) ?? pair.count
            if pair.slice(0, equals).equals(name) { return pair.slice(min(equals + 1, pair.count), pair.count) }
            rest = rest.slice(min(end + 1, rest.count), rest.count)
        }
        return nil
    }

    private func grpcStatus(
        _ instruction: Instruction, response: borrowing HeaderBlock, trailers: borrowing HeaderBlock,
        info: borrowing StreamInfo, to writer: inout ByteWriter
    ) -> Bool {
        guard let status = info.grpcStatus.map(UInt64.init) ?? trailers.get(.grpcStatus)?.decimal ?? response.get(.grpcStatus)?.decimal
        else { return false }
        guard instruction.operation == .grpcStatus, instruction.variant != GRPCStatusName.numberVariant,
            let name = GRPCStatusName.name(status, isSnake: instruction.variant == GRPCStatusName.snakeVariant)
        else { return number(status, to: &writer) }
        writer.append(name)
        return true
    }

    // MARK: Numbers

    private func numberValue(_ instruction: Instruction, _ info: borrowing StreamInfo, to writer: inout ByteWriter) -> Bool {
        switch instruction.operation {
        case .responseCode: number(UInt64(info.responseCode), to: &writer)
        case .duration: milliseconds(info, .start, .end, to: &writer)
        case .requestDuration: milliseconds(info, .start, .lastDownstreamReceive, to: &writer)
        case .requestTXDuration: milliseconds(info, .start, .lastUpstreamSend, to: &writer)
        case .responseDuration: milliseconds(info, .start, .firstUpstreamReceive, to: &writer)
        case .responseTXDuration: milliseconds(info, .firstUpstreamReceive, .lastDownstreamSend, to: &writer)
        case .upstreamConnectionPoolReadyDuration: milliseconds(info, .start, .upstreamConnectionReady, to: &writer)
        case .commonDuration: commonDuration(instruction, info, to: &writer)
        case .bytesReceived: number(info.bytesReceived, to: &writer)
        case .bytesSent: number(info.bytesSent, to: &writer)
        case .downstreamWireBytesReceived: number(info.downstreamWireBytesReceived, to: &writer)
        case .downstreamWireBytesSent: number(info.downstreamWireBytesSent, to: &writer)
        case .upstreamWireBytesReceived: number(info.upstreamWireBytesReceived, to: &writer)
        case .upstreamWireBytesSent: number(info.upstreamWireBytesSent, to: &writer)
        case .downstreamHeaderBytesReceived: number(info.downstreamHeaderBytesReceived, to: &writer)
        case .downstreamHeaderBytesSent: number(info.downstreamHeaderBytesSent, to: &writer)
        case .upstreamHeaderBytesReceived: number(info.upstreamHeaderBytesReceived, to: &writer)
        case .upstreamHeaderBytesSent: number(info.upstreamHeaderBytesSent, to: &writer)
        case .downstreamRemotePort: port(info.downstreamRemoteAddress, to: &writer)
        case .downstreamDirectRemotePort: port(info.downstreamDirectRemoteAddress, to: &writer)
        case .downstreamLocalPort: port(info.downstreamLocalAddress, to: &writer)
        case .upstreamRemotePort: port(info.upstreamRemoteAddress, to: &writer)
        case .upstreamLocalPort: port(info.upstreamLocalAddress, to: &writer)
        case .upstreamRequestAttemptCount: number(UInt64(info.upstreamAttemptCount), to: &writer)
        case .upstreamConnectionID: info.upstreamConnectionID.map { number($0, to: &writer) } ?? false
        case .connectionID: number(info.connectionID, to: &writer)
        case .downstreamHandshakeDuration: milliseconds(info, .start, .downstreamHandshakeComplete, to: &writer)
        case .roundtripDuration: false
        case .bytesRetransmitted, .packetsRetransmitted: number(UInt64(0), to: &writer)
        default: preconditionFailure("no number")
        }
    }

    private func number(_ value: Int, to writer: inout ByteWriter) -> Bool { number(UInt64(value), to: &writer) }

    private func number(_ value: UInt64, to writer: inout ByteWriter) -> Bool {
        writer.append(decimal: value)
        return true
    }

    private func port(_ address: SocketAddress?, to writer: inout ByteWriter) -> Bool {
        guard let port = address?.port else { return false }
        return number(UInt64(port), to: &writer)
    }

    private func milliseconds(
        _ info: borrowing StreamInfo, _ from: StreamTimes.Point, _ to: StreamTimes.Point, to writer: inout ByteWriter
    ) -> Bool {
        guard let span = info.times.nanoseconds(from: from, to: to) else { return false }
        return number(span / 1_000_000, to: &writer)
    }

    private func commonDuration(_ instruction: Instruction, _ info: borrowing StreamInfo, to writer: inout ByteWriter) -> Bool {
        guard let span = info.times.nanoseconds(from: instruction.from, to: instruction.to) else { return false }
        switch instruction.variant {
        case DurationUnit.microseconds: return number(span / 1000, to: &writer)
        case DurationUnit.nanoseconds: return number(span, to: &writer)
        default: return number(span / 1_000_000, to: &writer)
        }
    }

    // MARK: Text

    private func plainValue(_ instruction: Instruction, _ info: borrowing StreamInfo, to writer: inout ByteWriter) -> Bool {
        switch instruction.operation {
        case .protocol: return version(info.downstreamProtocol, to: &writer)
        case .upstreamProtocol: return version(info.upstreamProtocol, to: &writer)
        case .responseCodeDetails:
            return write(info.responseCodeDetails, keepsSpaces: instruction.variant != 0, instruction, to: &writer)
        case .connectionTerminationDetails:
            return write(info.connectionTerminationDetails, keepsSpaces: true, instruction, to: &writer)
        case .upstreamTransportFailureReason:
            return write(info.upstreamTransportFailureReason, keepsSpaces: false, instruction, to: &writer)
        case .downstreamTransportFailureReason:
            return write(info.downstreamTransportFailureReason, keepsSpaces: false, instruction, to: &writer)
        case .localReplyBody:
            _ = write(info.localReplyBody, keepsSpaces: true, instruction, to: &writer)
            return !info.localReplyBody.isAbsent
        case .requestedServerName: return write(info.requestedServerName, keepsSpaces: true, instruction, to: &writer)
        case .responseFlags: return flags(info.responseFlags, isLong: false, to: &writer)
        case .responseFlagsLong: return flags(info.responseFlags, isLong: true, to: &writer)
        case .startTime: return time(info.times.wallStart, instruction, to: &writer)
        case .startTimeLocal: return localTime(info.times.wallStart, instruction, to: &writer)
        case .emitTime: return time(info.times.wallEnd, instruction, to: &writer)
        case .emitTimeLocal: return localTime(info.times.wallEnd, instruction, to: &writer)
        case .upstreamHostName:
            if let name = info.upstreamHostName { return write(name.bytes, instruction, to: &writer) }
            return address(info.upstreamRemoteAddress, to: &writer)
        case .upstreamHostNameWithoutPort: return attempt(info.presentAttempt, .upstreamHostNamesAttemptedWithoutPort, instruction, to: &writer)
        case .upstreamHostsAttempted, .upstreamHostsAttemptedWithoutPort, .upstreamHostNamesAttempted,
            .upstreamHostNamesAttemptedWithoutPort, .upstreamConnectionIDsAttempted:
            return attempts(instruction, info, to: &writer)
        case .upstreamCluster: return named(info.clusterName?.shownAs ?? info.clusterName, instruction, to: &writer)
        case .upstreamClusterRaw: return named(info.clusterName, instruction, to: &writer)
        case .routeName: return named(info.routeName, instruction, to: &writer)
        case .virtualClusterName: return named(info.virtualClusterName, instruction, to: &writer)
        case .filterChainName: return named(info.filterChainName, instruction, to: &writer)
        case .accessLogType:
            writer.append(info.accessLogType.name)
            return true
        case .dynamicMetadata: return metadata(instruction, info, to: &writer)
        case .filterState: return filterState(instruction, info, to: &writer)
        case .upstreamFilterState: return false
        case .upstreamHost, .upstreamRemoteAddress: return address(info.upstreamRemoteAddress, to: &writer)
        case .upstreamRemoteAddressWithoutPort: return addressOnly(info.upstreamRemoteAddress, to: &writer)
        case .upstreamLocalAddress: return address(info.upstreamLocalAddress, to: &writer)
        case .upstreamLocalAddressWithoutPort: return addressOnly(info.upstreamLocalAddress, to: &writer)
        case .downstreamRemoteAddress: return address(info.downstreamRemoteAddress, to: &writer)
        case .downstreamRemoteAddressWithoutPort: return addressOnly(info.downstreamRemoteAddress, to: &writer)
        case .downstreamDirectRemoteAddress: return address(info.downstreamDirectRemoteAddress, to: &writer)
        case .downstreamDirectRemoteAddressWithoutPort: return addressOnly(info.downstreamDirectRemoteAddress, to: &writer)
        case .downstreamLocalAddress: return address(info.downstreamLocalAddress, to: &writer)
        case .downstreamLocalAddressWithoutPort: return addressOnly(info.downstreamLocalAddress, to: &writer)
        default:
            if let fact = tlsFact(instruction.operation, info) { return named(fact, instruction, to: &writer) }
            return certificateDetail(instruction, info, to: &writer)
        }
    }

    private func tlsFact(_ operation: FormatOperation, _ info: borrowing StreamInfo) -> NamedText? {
        switch operation {
        case .downstreamTLSVersion: info.downstreamTLS?.version
        case .downstreamTLSCipher: info.downstreamTLS?.cipher
        case .downstreamTLSSessionID: info.downstreamTLS?.sessionID
        case .upstreamTLSVersion: info.upstreamTLS?.version
        case .upstreamTLSCipher: info.upstreamTLS?.cipher
        case .upstreamTLSSessionID: info.upstreamTLS?.sessionID
        case .downstreamPeerSubject: info.downstreamTLS?.peer?.subject
        case .downstreamPeerIssuer: info.downstreamTLS?.peer?.issuer
        case .downstreamPeerSerial: info.downstreamTLS?.peer?.serial
        case .downstreamPeerFingerprint256: info.downstreamTLS?.peer?.fingerprint256
        case .downstreamPeerURISAN: info.downstreamTLS?.peer?.uriSAN
        case .downstreamPeerDNSSAN: info.downstreamTLS?.peer?.dnsSAN
        case .downstreamLocalSubject: info.downstreamTLS?.local?.subject
        case .downstreamLocalURISAN: info.downstreamTLS?.local?.uriSAN
        case .downstreamLocalDNSSAN: info.downstreamTLS?.local?.dnsSAN
        case .upstreamPeerSubject: info.upstreamTLS?.peer?.subject
        case .upstreamPeerIssuer: info.upstreamTLS?.peer?.issuer
        case .upstreamPeerURISAN: info.upstreamTLS?.peer?.uriSAN
        case .upstreamPeerDNSSAN: info.upstreamTLS?.peer?.dnsSAN
        case .upstreamLocalSubject: info.upstreamTLS?.local?.subject
        case .upstreamLocalURISAN: info.upstreamTLS?.local?.uriSAN
        case .upstreamLocalDNSSAN: info.upstreamTLS?.local?.dnsSAN
        case .upstreamServerName: info.upstreamTLS?.serverName
        default: nil
        }
    }

    func write(_ value: UnsafeRawBufferPointer, _ instruction: Instruction, to writer: inout ByteWriter) -> Bool {
        let isCut = instruction.limit >= 0 && value.count > Int(instruction.limit)
        writer.append(isCut ? value.slice(0, Int(instruction.limit)) : value, escaping)
        return true
    }

    private func write(
        _ value: TextReference, keepsSpaces: Bool, _ instruction: Instruction, to writer: inout ByteWriter
    ) -> Bool {
        let mark = writer.count
        switch value {
        case .absent: return false
        case .literal(let literal): _ = write(UnsafeRawBufferPointer(literal), instruction, to: &writer)
        case .named(let named): _ = write(named.bytes, instruction, to: &writer)
        }
        guard writer.count > mark else { return false }
        if keepsSpaces { return true }
        // Safety: the bytes between `mark` and `count` were just written.
        for offset in mark..<writer.count where writer.memory.load(fromByteOffset: offset, as: UInt8.self) == 0x20 {
            writer.memory.storeBytes(of: 0x5F, toByteOffset: offset, as: UInt8.self)
        }
        return true
    }

    private func named(_ value: NamedText?, _ instruction: Instruction, to writer: inout ByteWriter) -> Bool {
        guard let value, !value.isEmpty else { return false }
        return write(value.bytes, instruction, to: &writer)
    }

    private func version(_ value: HTTPVersion?, to writer: inout ByteWriter) -> Bool {
        guard let value else { return false }
        writer.append(value.name)
        return true
    }

    private func flags(_ flags: ResponseFlags, isLong: Bool, to writer: inout ByteWriter) -> Bool {
        guard !flags.isEmpty else { return false }
        let mark = writer.count
        for entry in ResponseFlags.names where flags.contains(entry.flag) {
            if writer.count > mark { writer.append(0x2C) }
            writer.append(isLong ? entry.long : entry.short)
        }
        return writer.count > mark
    }

    func time(_ wall: Int64, _ instruction: Instruction, to writer: inout ByteWriter) -> Bool {
        guard wall > 0 else { return false }
        if instruction.index == 0 {
            writer.appendISO8601(wall)
        } else {
            timeFormats[Int(instruction.index) - 1].append(wall, to: &writer)
        }
        return true
    }

    func address(_ address: SocketAddress?, to writer: inout ByteWriter) -> Bool {
        guard let address else { return false }
        guard let path = address.unixPath else {
            address.append(to: &writer)
            return true
        }
        var copy = path
        copy.withUTF8 { writer.append(UnsafeRawBufferPointer($0), escaping) }
        return true
    }

    func addressOnly(_ address: SocketAddress?, to writer: inout ByteWriter) -> Bool {
        guard let address, address.unixPath == nil else { return self.address(address, to: &writer) }
        address.appendHost(to: &writer)
        return true
    }

    /// A UUID that no other stream of any process has: a mixed instance and stream number.
    private func uniqueID(_ info: borrowing StreamInfo, to writer: inout ByteWriter) -> Bool {
        var high = FormatProgram.mixed(instanceID &+ info.streamID)
        var low = FormatProgram.mixed(high ^ info.connectionID ^ UInt64(bitPattern: info.times.wallStart))
        // Version 4 and variant of RFC 9562, as every reader of UUIDs expects.
        high = high & ~0xF000 | 0x4000
        low = low & ~(3 << 62) | 2 << 62
        for digit in 0..<32 {
            if digit == 8 || digit == 12 || digit == 16 || digit == 20 { writer.append(0x2D) }
            let word = digit < 16 ? high : low
            writer.appendHexadecimalDigit(UInt8(truncatingIfNeeded: word >> UInt64((15 - digit % 16) * 4)) & 15)
        }
        return true
    }

    /// The finalizer of SplitMix64.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Metadata is a tree of Swift values: this operator allocates.
    private func metadata(_ instruction: Instruction, _ info: borrowing StreamInfo, to writer: inout ByteWriter) -> Bool {
        let path = metadataPaths[Int(instruction.index)]
        guard let value = info.dynamicMetadata?.value(filter: path[0], path: Array(path.dropFirst())) else { return false }
        if instruction.style == .typedJSON {
            value.appendJSON(to: &writer)
            return true
        }
        if case .string(var string) = value {
            return string.withUTF8 { write(UnsafeRawBufferPointer($0), instruction, to: &writer) }
        }
        if case .bytes(let bytes) = value { return bytes.withUnsafeBytes { write($0, instruction, to: &writer) } }
        var scratch = ByteWriter()
        value.appendJSON(to: &scratch)
        return write(scratch.bytes, instruction, to: &writer)
    }
}

/// Variants of `%PATH%`.
enum PathVariant {
    static let withoutQuery: UInt8 = 1
    /// Only the path as it came.
    static let original: UInt8 = 2
    /// Only the path as it is now.
    static let path: UInt8 = 4
}

/// Variants of `%COMMON_DURATION%`.
enum DurationUnit {
    static let milliseconds: UInt8 = 0
    static let microseconds: UInt8 = 1
    static let nanoseconds: UInt8 = 2
}
