import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// Metadata: what configuration and filters say of a stream, as maps that scripts read.
extension LuaHook {
    /// Which map an object stands for.
    enum MetadataPlace: Int {
        /// The route's metadata under the filter's name.
        case filter
        /// `filter_context`
        case context
        case route
        case virtualHost
        /// All dynamic metadata, by filter.
        case dynamic
        /// What is known of the connection alone.
        case connection
    }

    /// Where Envoy looks when the filter's own name has no metadata.
    private static let canonicalName = "envoy.filters.http.lua"

    static let metadataType = LuaClass<LuaHook>(
        "MetadataMap", pairs: "pairs",
        methods: [
            .worker("get", orNil: true) { hook, call in
                guard let key = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                if let value = hook.value(call.tag, key.text) { call.results.add(LuaValue(value)) }
                return .results
            },
            .worker("set") { hook, call in hook.setDynamic(call) },
            .worker("pairs") { hook, call in
                let keys = hook.keys(call.tag).sorted()
                call.charge(fuel: keys.count * 16)
                hook.metadataKeys[call.tag] = keys
                call.results.add(nextEntry, on: hook, tag: call.tag)
                return .results
            },
            // The control value, the key before, says where the iteration is.
            .worker("nextEntry", hidden: true) { hook, call in
                var index = hook.metadataIndex(call.tag, after: call.text(2))
                // What was taken away meanwhile is passed over.
                while let keys = hook.metadataKeys[call.tag], index < keys.count {
                    if let value = hook.value(call.tag, keys[index]) {
                        call.results.add(keys[index])
                        call.results.add(LuaValue(value))
                        break
                    }
                    index += 1
                }
                return .results
            },
        ] + logMethods)

    private static let nextEntry: LuaBoundMethod<LuaHook> = metadataType.bound("nextEntry")

    /// What `route()` and `virtualHost()` return.
    static let ownerType = LuaClass<LuaHook>(
        "MetadataOwner",
        methods: [
            .worker("metadata") { hook, call in
                call.results.add(metadataType, hook, scope: .run, slot: 11 + call.tag, tag: call.tag)
                return .results
            }
        ] + logMethods)

    func give(_ call: borrowing LuaCall, _ place: MetadataPlace) -> LuaReply {
        call.results.add(Self.metadataType, self, scope: .run, slot: 11 + place.rawValue, tag: place.rawValue)
        return .results
    }

    private func value(_ tag: Int, _ key: String) -> MetadataValue? {
        guard let place = MetadataPlace(rawValue: tag) else { return nil }
        switch place {
        case .dynamic: return stream?.info.dynamicMetadata?.filters[key].map { .object($0) }
        case .connection: return stream?.manager.connectionMetadata?.filters[key].map { .object($0) }
        default: return map(place)[key]
        }
    }

    private func keys(_ tag: Int) -> [String] {
        guard let place = MetadataPlace(rawValue: tag) else { return [] }
        switch place {
        case .dynamic: return stream?.info.dynamicMetadata.map { Array($0.filters.keys) } ?? []
        case .connection: return stream?.manager.connectionMetadata.map { Array($0.filters.keys) } ?? []
        default: return Array(map(place).keys)
        }
    }

    /// Where the first key behind `last` stands among those that are looped over.
    private func metadataIndex(_ tag: Int, after last: String?) -> Int {
        guard let last, let keys = metadataKeys[tag] else { return 0 }
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] > last { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private func map(_ place: MetadataPlace) -> [String: MetadataValue] {
        guard let stream else { return [:] }
        switch place {
        case .filter:
            let all = stream.route?.metadata ?? [:]
            return Self.object(all[filter.name] ?? all[Self.canonicalName])
        case .context: return filter.context(stream)
        case .route: return Self.object(stream.route?.metadata[filter.name])
        case .virtualHost: return Self.object(stream.route?.virtualHostMetadata[filter.name])
        // Looked at one filter at a time (`value`, `keys`).
        case .dynamic, .connection: return [:]
        }
    }

    private static func object(_ value: MetadataValue?) -> [String: MetadataValue] {
        guard case .object(let fields)? = value else { return [:] }
        return fields
    }

    // MARK: Dynamic metadata

    /// Values that one stream's dynamic metadata may have before a script can set no more.
    private static let maximumDynamicValues = 1024
    /// Bytes that one hook can set, what it has replaced included.
    private static let maximumDynamicBytes = 1 << 20

    private func setDynamic(_ call: borrowing LuaCall) -> LuaReply {
        guard call.tag == MetadataPlace.dynamic.rawValue, let stream else {
            return call.fail("metadata of the configuration cannot be modified")
        }
        guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
        guard let key = call.text(2) else { return call.badArgument(2, expected: "string") }
        let value: LuaValue
        do throws(LuaValueError) {
            value = try call.value(3)
        } catch {
            switch error {
            case .unsupported(let type): return call.fail("unexpected type '\(type)' in dynamicMetadata")
            case .mixedKeys(let type):
                return call.fail("unexpected type \(type) in table key (only string keys are supported)")
            case .tooDeep, .tooLarge: return call.fail("the value is too large for dynamicMetadata")
            case .exhausted: return call.fail("not enough memory")
            }
        }
        let metadata = stream.info.metadataForWriting()
        call.charge(fuel: metadata.filters.count)
        guard metadata.filters.values.reduce(0, { $0 + $1.count }) < Self.maximumDynamicValues else {
            return call.fail("dynamicMetadata is full")
        }
        let size = name.utf8.count + key.utf8.count + value.size
        call.charge(bytes: size)
        guard metadataBytes + size <= Self.maximumDynamicBytes else { return call.fail("dynamicMetadata is full") }
        metadataBytes += size
        metadata.set(filter: name, key: key, MetadataValue(value))
        return .results
    }
}

extension LuaValue {
    /// Bytes that the value takes, roughly.
    fileprivate var size: Int {
        switch self {
        case .nil, .boolean, .number: 16
        case .string(let bytes): 16 + bytes.count
        case .array(let values): values.reduce(16) { $0 + $1.size }
        case .map(let fields): fields.reduce(16) { $0 + 16 + $1.key.count + $1.value.size }
        }
    }

    /// A value of metadata as Lua has it: null is nil.
    init(_ value: MetadataValue) {
        switch value {
        case .null: self = .nil
        case .bool(let flag): self = .boolean(flag)
        case .number(let number): self = .number(number)
        case .string(let text): self = .text(text)
        case .bytes(let bytes): self = .string(bytes)
        case .list(let list): self = .array(list.map { LuaValue($0) })
        case .object(let fields):
            self = .map(fields.sorted { $0.key < $1.key }.map { LuaField($0.key, LuaValue($0.value)) })
        }
    }
}

extension MetadataValue {
    init(_ value: LuaValue) {
        switch value {
        case .nil: self = .null
        case .boolean(let flag): self = .bool(flag)
        case .number(let number): self = .number(number)
        case .string(let bytes): self = String(validating: bytes, as: UTF8.self).map { .string($0) } ?? .bytes(bytes)
        case .array(let values): self = .list(values.map { MetadataValue($0) })
        case .map(let fields):
            self = .object(
                Dictionary(
                    fields.map { (String(decoding: $0.key, as: UTF8.self), MetadataValue($0.value)) }, uniquingKeysWith: { _, last in last }))
        }
    }
}
