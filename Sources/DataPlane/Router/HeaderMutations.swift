import Bytes
import HTTPModel
package import Observability
package import ProxyModel
package import Reactor
import SwiftProtobuf

/// Header fields that a route, virtual host or route configuration adds and removes.
@WorkerActor package struct HeaderMutations {
    /// What happens when the field is there already (`append_action`).
    package enum AppendAction: Sendable {
        case appendOrAdd, addIfAbsent, overwriteOrAdd, overwriteIfExists
    }

    /// A field to write, with a format in place of its value (`HeaderValueOption`).
    package struct Addition {
        /// Lower-case.
        package var name: NamedText
        package var value: SubstitutionFormat
        package var action: AppendAction
        package var keepsEmpty: Bool

        /// What a configuration says (`HeaderValueOption`).
        package nonisolated init(
            _ option: Envoy_Config_Core_V3_HeaderValueOption, _ environment: FormatEnvironment
        ) throws(FormatError) {
            let action: AppendAction =
                switch option.appendAction {
                case .addIfAbsent: .addIfAbsent
                case .overwriteIfExistsOrAdd: .overwriteOrAdd
                case .overwriteIfExists: .overwriteIfExists
                default: option.hasAppend && !option.append.value ? .overwriteOrAdd : .appendOrAdd
                }
            let value = try SubstitutionFormat(
                option.header.value, for: .headerValue, environment: environment, omitsEmpty: true)
            self.init(name: option.header.key, value: value, action: action, keepsEmpty: option.keepEmptyValue)
        }

        /// - Parameter keepsEmpty: write the field even when its value came out empty (`keep_empty_value`).
        package nonisolated init(name: String, value: SubstitutionFormat, action: AppendAction, keepsEmpty: Bool) {
            self.name = NamedText(name.lowercased())
            self.value = value
            self.action = action
            self.keepsEmpty = keepsEmpty
        }
    }

    /// What becomes of requests before they go upstream and of responses before they go back.
    package var requestAdditions: [Addition] = []
    package var requestRemovals: [NamedText] = []
    package var responseAdditions: [Addition] = []
    package var responseRemovals: [NamedText] = []

    package nonisolated init() {}

    /// Whether nothing is changed.
    package var isEmpty: Bool {
        requestAdditions.isEmpty && requestRemovals.isEmpty && responseAdditions.isEmpty && responseRemovals.isEmpty
    }

    /// Removes, then adds.
    package func apply(to stream: Stream, _ direction: Direction) {
        switch direction {
        case .request:
            for name in requestRemovals { stream.requestHeaders.remove(name.bytes) }
            for addition in requestAdditions { add(addition, stream, .request) }
        case .response:
            for name in responseRemovals { stream.responseHeaders.remove(name.bytes) }
            for addition in responseAdditions { add(addition, stream, .response) }
        }
    }

    private func add(_ addition: Addition, _ stream: Stream, _ direction: Direction) {
        let worker = stream.worker
        worker.scratchText.reset()
        stream.format(addition.value, into: &worker.scratchText)
        let value = worker.scratchText.bytes
        // A value made of what a client sent must not become a second header line.
        guard HeaderRules.isValidValue(value), !value.isEmpty || addition.keepsEmpty else { return }
        switch direction {
        case .request: Self.put(addition, value, &stream.requestHeaders)
        case .response: Self.put(addition, value, &stream.responseHeaders)
        }
    }

    private static func put(_ addition: Addition, _ value: UnsafeRawBufferPointer, _ fields: inout HeaderBlock) {
        let name = addition.name.bytes
        switch addition.action {
        case .appendOrAdd: fields.append(name, value)
        case .addIfAbsent:
            if fields.firstIndex(of: name) == nil { fields.append(name, value) }
        case .overwriteOrAdd: fields.set(name, value)
        case .overwriteIfExists:
            if fields.firstIndex(of: name) != nil { fields.set(name, value) }
        }
    }
}
