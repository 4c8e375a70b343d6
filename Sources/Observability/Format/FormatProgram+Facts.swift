import Bytes
import HTTPModel

/// Facts that few formats name and that are worked out when one does: these operators may allocate.
extension FormatProgram {
    // MARK: Times

    /// A moment by the clock of the place where the proxy runs.
    func localTime(_ wall: Int64, _ instruction: Instruction, to writer: inout ByteWriter) -> Bool {
        guard wall > 0 else { return false }
        let format = instruction.index == 0 ? TimeFormat.iso8601WithZone : timeFormats[Int(instruction.index) - 1]
        format.append(wall, zone: timeZone(wall / 1_000_000_000), to: &writer)
        return true
    }

    // MARK: Attempts

    /// What was asked, in order, with commas between.
    func attempts(_ instruction: Instruction, _ info: borrowing StreamInfo, to writer: inout ByteWriter) -> Bool {
        let mark = writer.count
        for earlier in info.earlierAttempts { append(earlier, instruction, from: mark, to: &writer) }
        if info.upstreamConnectionID != nil { append(info.presentAttempt, instruction, from: mark, to: &writer) }
        return writer.count > mark
    }

    private func append(_ attempt: UpstreamAttempt, _ instruction: Instruction, from mark: Int, to writer: inout ByteWriter) {
        let before = writer.count
        if before > mark { writer.append(0x2C) }
        if !self.attempt(attempt, instruction.operation, instruction, to: &writer) { writer.truncate(to: before) }
    }

    /// One attempt, as an operator of attempts shows it.
    func attempt(
        _ attempt: UpstreamAttempt, _ operation: FormatOperation, _ instruction: Instruction, to writer: inout ByteWriter
    ) -> Bool {
        switch operation {
        case .upstreamConnectionIDsAttempted:
            guard let id = attempt.connectionID else { return false }
            writer.append(decimal: id)
            return true
        case .upstreamHostNamesAttempted, .upstreamHostNamesAttemptedWithoutPort:
            guard let name = attempt.hostName else { break }
            let colon = name.bytes.lastIndex(of: UInt8(ascii: ":"))
            let isCut = operation == .upstreamHostNamesAttemptedWithoutPort
            writer.append(isCut ? name.bytes.slice(0, colon ?? name.bytes.count) : name.bytes, escaping)
            return true
        default: break
        }
        let withoutPort: [FormatOperation] = [.upstreamHostsAttemptedWithoutPort, .upstreamHostNamesAttemptedWithoutPort]
        return withoutPort.contains(operation) ? addressOnly(attempt.address, to: &writer) : address(attempt.address, to: &writer)
    }

    // MARK: Filter state

    /// An object that a filter left: its text, or the same as JSON, which has no length.
    func filterState(_ instruction: Instruction, _ info: borrowing StreamInfo, to writer: inout ByteWriter) -> Bool {
        guard instruction.variant != FilterStateKind.field,
            let value = info.filterState?[String(decoding: text(instruction.first), as: UTF8.self)]
        else { return false }
        let json: MetadataValue
        switch value {
        case .integer(let number): json = .number(Double(number))
        case .string(let bytes):
            if instruction.variant == FilterStateKind.plain, instruction.style != .typedJSON {
                return bytes.withUnsafeBytes { write($0, instruction, to: &writer) }
            }
            let shown = instruction.variant == FilterStateKind.plain && instruction.limit >= 0 ? bytes.prefix(Int(instruction.limit)) : bytes[...]
            json = .string(String(decoding: shown, as: UTF8.self))
        }
        if instruction.style == .typedJSON {
            json.appendJSON(to: &writer)
            return true
        }
        var scratch = ByteWriter()
        json.appendJSON(to: &scratch)
        return write(scratch.bytes, instruction, to: &writer)
    }

    // MARK: Certificates

    func certificateDetail(_ instruction: Instruction, _ info: borrowing StreamInfo, to writer: inout ByteWriter) -> Bool {
        let isUpstream = Self.upstreamDetails.contains(instruction.operation)
        guard let details = isUpstream ? info.upstreamTLS?.details : info.downstreamTLS?.details else { return false }
        var texts: [String] = []
        switch instruction.operation {
        case .downstreamPeerValidFrom, .upstreamPeerValidFrom:
            return time((details.peerValidFrom ?? 0) &* 1_000_000_000, instruction, to: &writer)
        case .downstreamPeerValidUntil, .upstreamPeerValidUntil:
            return time((details.peerValidUntil ?? 0) &* 1_000_000_000, instruction, to: &writer)
        case .downstreamPeerCertificate, .upstreamPeerCertificate: texts = [details.peerPEM]
        case .downstreamPeerFingerprint1: texts = Array(details.peerChainSHA1.prefix(1))
        case .downstreamPeerChainFingerprints1: texts = details.peerChainSHA1
        case .downstreamPeerChainFingerprints256: texts = details.peerChainSHA256
        case .downstreamPeerChainSerials: texts = details.peerChainSerials
        case .downstreamPeerIPSAN, .upstreamPeerIPSAN: texts = details.peerIPAddresses
        case .downstreamPeerEmailSAN: texts = details.peerEmails
        case .downstreamLocalIPSAN, .upstreamLocalIPSAN: texts = details.localIPAddresses
        case .downstreamLocalEmailSAN: texts = details.localEmails
        default: return false
        }
        var text = texts.joined(separator: ",")
        return !text.isEmpty && text.withUTF8 { write(UnsafeRawBufferPointer($0), instruction, to: &writer) }
    }

    private static let upstreamDetails: [FormatOperation] = [
        .upstreamPeerCertificate, .upstreamPeerValidFrom, .upstreamPeerValidUntil, .upstreamPeerIPSAN, .upstreamLocalIPSAN,
    ]
}

/// Variants of `%FILTER_STATE%`.
enum FilterStateKind {
    static let typed: UInt8 = 0
    static let plain: UInt8 = 1
    static let field: UInt8 = 2
}
