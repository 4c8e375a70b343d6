/// The way from the root of a configuration to one of its values, such as `static_resources.listeners[0].address`.
package struct ConfigPath: Sendable, Equatable, CustomStringConvertible {
    /// One step of the way.
    package enum Step: Sendable, Equatable {
        /// Into the field of this name.
        case field(String)
        /// Into the item at this position of a list.
        case index(Int)
        /// Into the value under this key of a map.
        case key(String)
    }

    /// The steps from the root on.
    package private(set) var steps: [Step]

    /// A path of the given steps; the root when there are none.
    package init(_ steps: [Step] = []) {
        self.steps = steps
    }

    /// This path with one more step.
    package func appending(_ step: Step) -> ConfigPath {
        ConfigPath(steps + [step])
    }

    /// This path with a step into a field.
    package func field(_ name: String) -> ConfigPath { appending(.field(name)) }

    /// This path with a step into a list.
    package func index(_ index: Int) -> ConfigPath { appending(.index(index)) }

    /// This path with a step into a map.
    package func key(_ key: String) -> ConfigPath { appending(.key(key)) }

    mutating func push(_ step: Step) { steps.append(step) }

    mutating func pop() { steps.removeLast() }

    /// The path as Envoy's documentation writes one; map keys stand in brackets and quotes.
    package var description: String {
        var text = ""
        for step in steps {
            switch step {
            case .field(let name): text += text.isEmpty ? name : "." + name
            case .index(let index): text += "[\(index)]"
            case .key(let key): text += "[\"\(key)\"]"
            }
        }
        return text
    }
}
