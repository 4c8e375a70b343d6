import Bytes
import Glibc
import ProxyModel
import Reactor
import SecureTransport
import SwiftProtobuf

/// The resources of control planes as they were last in force, on disk, so that the proxy can start and serve without
/// them. The file holds private keys, so that only its owner may read it.
///
/// It is one `envoy.service.discovery.v3.DeltaDiscoveryResponse` in binary form, which tools that know Envoy's API can
/// read: `resources` with name, version and body; `system_version_info` names the form, and `nonce`, the last field that
/// is written, stands for all bytes before it.
enum LastGoodFile {
    /// Why a file is not used.
    enum Failure: Error, Equatable, CustomStringConvertible {
        case unreadable(String)
        case foreign
        case damaged

        var description: String {
            switch self {
            case .unreadable(let reason): reason
            case .foreign: "it is no last good configuration that this version of heddle-proxy can read"
            case .damaged: "it is damaged: its end is missing, or does not stand for what is before it"
            }
        }
    }

    private typealias Message = Envoy_Service_Discovery_V3_DeltaDiscoveryResponse

    /// Name and number of the form.
    private static let form = "heddle-last-good-2"
    /// Longest file that is read.
    private static let maximumBytes = 1 << 30

    /// The content for resources; each has a body.
    static func encode(_ resources: [ResourceChange]) throws -> [UInt8] {
        var message = Message()
        message.systemVersionInfo = form
        message.resources = resources.map { resource in
            var item = Envoy_Service_Discovery_V3_Resource()
            item.name = resource.key.name
            item.version = resource.version
            item.resource.typeURL = resource.key.type.typeURL
            item.resource.value.append(contentsOf: resource.body ?? [])
            return item
        }
        let content: [UInt8] = try message.serializedBytes()
        return content + end(content[...])
    }

    /// The field `nonce` (5) with 16 hexadecimal digits that stand for a content (FNV-1a): against disks and editors, not
    /// against anybody.
    static func end(_ content: ArraySlice<UInt8>) -> [UInt8] {
        let hash = FNV1a(content).value
        return [5 << 3 | 2, 16] + Hexadecimal.text((0..<8).map { UInt8(truncatingIfNeeded: hash >> (56 - 8 * $0)) }).utf8
    }

    /// The resources of a content.
    static func decode(_ bytes: [UInt8]) throws(Failure) -> [ResourceChange] {
        let message: Message
        do {
            message = try Message(serializedBytes: bytes, options: ConfigDecoder.binaryOptions)
        } catch {
            throw .foreign
        }
        guard message.systemVersionInfo == form else { throw .foreign }
        let length = bytes.count - end([]).count
        guard length > 0, bytes[length...].elementsEqual(end(bytes[..<length])) else { throw .damaged }
        var resources: [ResourceChange] = []
        for item in message.resources {
            guard let type = ResourceType.allCases.first(where: { $0.typeURL == item.resource.typeURL }) else { throw .foreign }
            resources.append(
                ResourceChange(ResourceKey(type, item.name), version: item.version, body: [UInt8](item.resource.value)))
        }
        return resources
    }

    // MARK: The disk

    /// Nil when there is no file.
    static func read(_ path: String) throws(Failure) -> [ResourceChange]? {
        if access(path, F_OK) != 0, errno == ENOENT { return nil }
        guard let bytes = ProcessFiles.read(path, limit: maximumBytes) else {
            throw .unreadable(SystemError.text(errno))
        }
        return try decode(bytes)
    }

    /// Writes beside the file, brings it to the disk, and puts it in the file's place: whoever reads sees the old one or
    /// the new one whole.
    static func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
        let beside = path + ".new"
        // What an earlier process left there may be readable for others.
        unlink(beside)
        let raw = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard raw >= 0 else { throw SystemError("open") }
        let descriptor = Descriptor(raw)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor.raw, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw SystemError("write") }
            rest = rest.dropFirst(count)
        }
        guard fdatasync(descriptor.raw) == 0 else { throw SystemError("fdatasync") }
        guard rename(beside, path) == 0 else { throw SystemError("rename") }
    }
}
