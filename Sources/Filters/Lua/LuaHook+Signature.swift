import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import SecureTransport
import TrafficPolicy

/// Public keys and signatures.
extension LuaHook {
    /// A key of the hook: what was imported, whether it is one or not.
    struct ImportedKey {
        let der: [UInt8]
        let key: PublicKey?
    }

    static let keyType = LuaClass<LuaHook>(
        "PublicKey",
        methods: [
            .worker("get") { hook, call in
                guard let imported = hook.importedKey, imported.key != nil else { return call.returningNil() }
                imported.der.withUnsafeBytes { call.results.add($0) }
                return .results
            }
        ] + logMethods)

    /// What reading a key or checking a signature costs: tens of microseconds.
    private static let keyFuel = 50_000

    /// A hook has one key: a second import gives the first.
    func importPublicKey(_ call: borrowing LuaCall) -> LuaReply {
        guard let bytes = call.bytes(1) else { return call.badArgument(1, expected: "string") }
        guard let count = call.integer(2) else { return call.badArgument(2, expected: "number") }
        if importedKey == nil {
            call.charge(fuel: Self.keyFuel)
            let der = bytes.prefix(max(count, 0))
            importedKey = ImportedKey(der: Array(der), key: PublicKey(der: UnsafeRawBufferPointer(rebasing: der)))
        }
        call.results.add(Self.keyType, self, scope: .run, slot: 20)
        return .results
    }

    func verifySignature(_ call: borrowing LuaCall) -> LuaReply {
        guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
        // What `get()` of a key returns, as in Envoy; or the key itself.
        var imported = importedKey
        if call.object(2, Self.keyType) == nil {
            guard let der = call.bytes(2) else { return call.badArgument(2, expected: "string") }
            if let key = importedKey, !key.der.elementsEqual(der) { imported = nil }
        }
        guard let key = imported?.key else { return call.fail("invalid public key") }
        guard let signature = call.bytes(3) else { return call.badArgument(3, expected: "string") }
        guard let signatureCount = call.integer(4) else { return call.badArgument(4, expected: "number") }
        guard let data = call.bytes(5) else { return call.badArgument(5, expected: "string") }
        guard let dataCount = call.integer(6) else { return call.badArgument(6, expected: "number") }
        guard let algorithm = DigestAlgorithm(name: name), algorithm != .md5 else {
            call.results.add(false)
            call.results.add("\(name) is not supported.")
            return .results
        }
        guard min(dataCount, data.count) <= LuaLibrary.longestHashed else {
            return call.badArgument(5, "at most \(LuaLibrary.longestHashed) bytes can be verified at a time")
        }
        call.charge(fuel: Self.keyFuel)
        LuaLibrary.chargeHash(call, dataCount > 0 ? min(dataCount, data.count) : 0)
        let isValid = key.verifies(
            UnsafeRawBufferPointer(rebasing: signature.prefix(max(signatureCount, 0))),
            of: UnsafeRawBufferPointer(rebasing: data.prefix(max(dataCount, 0))), algorithm)
        call.results.add(isValid)
        if !isValid { call.results.add("Failed to verify digest. Error code: 0") }
        return .results
    }

    func setUpstreamOverrideHost(_ call: borrowing LuaCall) -> LuaReply {
        guard let host = call.text(1) else { return call.badArgument(1, expected: "string") }
        guard call.isNil(2) || call.boolean(2) != nil else { return call.badArgument(2, expected: "boolean") }
        guard let address = Self.address(host) else { return call.fail("host is not a valid IP address") }
        // The host of an attempt has been chosen when the filters of its cluster run.
        guard !filter.isUpstream else { return .results }
        explain("asked for host \(address)")
        stream?.hostOverride = HostOverride(address: address, isStrict: call.boolean(2) ?? false)
        return .results
    }

    /// `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`; a zone (`fe80::1%eth0`) is left out.
    private static func address(_ text: String) -> SocketAddress? {
        if text.hasSuffix("]"), text.hasPrefix("[") { return address(host: text, port: 0) }
        if let address = address(host: text, port: 0) { return address }
        guard let colon = text.lastIndex(of: ":"), let number = wholeNumber(text[text.index(after: colon)...]),
            let port = UInt16(exactly: number)
        else { return nil }
        return address(host: String(text[..<colon]), port: port)
    }

    private static func address(host text: String, port: UInt16) -> SocketAddress? {
        var host = text[...]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        }
        if host.contains(":"), let zone = host.firstIndex(of: "%") { host = host[..<zone] }
        return SocketAddress.IP(String(host)) == nil ? nil : SocketAddress(host: String(host), port: port)
    }
}
