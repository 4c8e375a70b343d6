package import ProxyModel
import SwiftProtobuf
import TrafficPolicy

/// The values that `runtime_key` fields name (`layered_runtime`): nested keys are joined by dots, and a later layer has
/// the last word. The layers are part of the configuration, so that a key is looked up when it is compiled.
package struct RuntimeValues: Sendable {
    private var values: [String: Google_Protobuf_Value] = [:]

    /// No layer at all: defaults apply.
    package init() {}

    /// All layers of a bootstrap, the first one lowest.
    package init(_ message: Envoy_Config_Bootstrap_V3_LayeredRuntime) {
        for layer in message.layers {
            if case .staticLayer(let tree)? = layer.layerSpecifier { add(tree, under: "") }
        }
    }

    private mutating func add(_ tree: Google_Protobuf_Struct, under prefix: String) {
        for (name, value) in tree.fields {
            let key = prefix.isEmpty ? name : "\(prefix).\(name)"
            values[key] = value
            // A struct is a value itself (a fraction), and a level of keys.
            if case .structValue(let inner)? = value.kind { add(inner, under: key) }
        }
    }

    /// A whole number; `fallback` where the key is unknown or holds none.
    package func number(_ key: String, _ fallback: UInt32) -> UInt32 {
        Self.whole(values[key]) ?? fallback
    }

    /// A share of all requests; a plain number is a percentage.
    func fraction(_ message: Envoy_Config_Core_V3_RuntimeFractionalPercent) -> FractionalPercent {
        let value = values[message.runtimeKey]
        if let percent = Self.whole(value) { return FractionalPercent(percent) }
        guard case .structValue(let tree)? = value?.kind, let numerator = Self.whole(tree.fields["numerator"]) else {
            let value = message.defaultValue
            switch value.denominator {
            case .tenThousand: return FractionalPercent(value.numerator, of: .tenThousand)
            case .million: return FractionalPercent(value.numerator, of: .million)
            default: return FractionalPercent(value.numerator)
            }
        }
        switch tree.fields["denominator"]?.stringValue {
        case "TEN_THOUSAND"?: return FractionalPercent(numerator, of: .tenThousand)
        case "MILLION"?: return FractionalPercent(numerator, of: .million)
        default: return FractionalPercent(numerator)
        }
    }

    private static func whole(_ value: Google_Protobuf_Value?) -> UInt32? {
        switch value?.kind {
        case .numberValue(let number)?: UInt32(exactly: number.rounded(.down))
        case .stringValue(let text)?: UInt32(text)
        default: nil
        }
    }
}
