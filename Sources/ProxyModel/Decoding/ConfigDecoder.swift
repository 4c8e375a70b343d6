package import SwiftProtobuf

/// A configuration that was read, checked and found good.
package struct DecodedBootstrap: Sendable {
    /// The configuration.
    package let bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap
    /// The same in protobuf's binary form, to be handed to another process; equal for equal configurations.
    package let bytes: [UInt8]
    /// What was accepted but is probably not meant, such as an optional filter that Heddle does not have.
    package let warnings: [ConfigError]
    /// Where each value stands, for errors that are found while the configuration is compiled.
    package let marks: ConfigMarks
}

/// A message that was read.
package struct Decoded<Message: SwiftProtobuf.Message>: Sendable {
    /// The message.
    package let message: Message
    /// The same in protobuf's binary form.
    package let bytes: [UInt8]
    /// What was accepted but is probably not meant.
    package let warnings: [ConfigError]
    /// Where each value stands.
    package let marks: ConfigMarks
}

/// Reads configurations in YAML or JSON into the generated messages.
package enum ConfigDecoder {
    /// How messages in binary form are read; free-form values (`google.protobuf.Struct`) take three levels for one of
    /// YAML.
    package static let binaryOptions: BinaryDecodingOptions = {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 4 * YAMLParser.maximumDepth
        return options
    }()

    /// Reads a bootstrap and, when given, an overlay (`--config-yaml`) that is merged into it.
    package static func decodeBootstrap(
        _ text: String, file: String, overlay: String? = nil, checkRegex: RegexCheck? = nil
    ) throws(ConfigErrors) -> DecodedBootstrap {
        var sources = [ConfigSource(text: text, file: file)]
        if let overlay { sources.append(ConfigSource(text: overlay, file: "--config-yaml", format: .yaml)) }
        return try decodeBootstrap(sources, checkRegex: checkRegex)
    }

    /// Reads a bootstrap from sources that are merged in order: single values of later ones win, lists are joined.
    ///
    /// - Throws: all errors of the first stage that finds any: syntax and fields, then the constraints on single
    ///   fields, then what must hold between them.
    package static func decodeBootstrap(
        _ sources: [ConfigSource], checkRegex: RegexCheck? = nil, unknownFields: UnknownFields = .refused
    ) throws(ConfigErrors) -> DecodedBootstrap {
        // A file that an editor has just emptied would take every listener away when it is loaded anew.
        let decoded = try decode(
            Envoy_Config_Bootstrap_V3_Bootstrap.self, from: sources, checkRegex: checkRegex,
            unknownFields: unknownFields, refusesEmpty: sources.count == 1)
        var validator = ConfigValidator(marks: decoded.marks)
        validator.validate(decoded.message)
        try validator.finish()
        return DecodedBootstrap(
            bootstrap: decoded.message, bytes: decoded.bytes, warnings: decoded.warnings, marks: decoded.marks)
    }

    /// Reads any message that the schema has, and checks the constraints on its fields.
    /// - Parameter refusesEmpty: a text without a value (an empty file) is an error and not an empty message.
    package static func decode<Message: SwiftProtobuf.Message>(
        _ type: Message.Type, from sources: [ConfigSource], checkRegex: RegexCheck? = nil,
        unknownFields: UnknownFields = .refused, refusesEmpty: Bool = false
    ) throws(ConfigErrors) -> Decoded<Message> {
        let decoded = try merged(type, from: sources, unknownFields: unknownFields, refusesEmpty: refusesEmpty)
        try throwIfAny(
            ConstraintChecker.check(
                decoded.bytes, as: type, marks: decoded.marks, checkRegex: checkRegex, unknownFields: unknownFields))
        return decoded
    }

    /// Reads any message that the schema has without a look at the constraints on its fields.
    /// - Parameter refusesEmpty: a text without a value (an empty file) is an error and not an empty message.
    package static func merged<Message: SwiftProtobuf.Message>(
        _ type: Message.Type, from sources: [ConfigSource], unknownFields: UnknownFields = .refused,
        refusesEmpty: Bool = false
    ) throws(ConfigErrors) -> Decoded<Message> {
        precondition(!sources.isEmpty, "a configuration needs a source")
        let schema = Schema.shared
        var trees: [ConfigMarks.Tree] = []
        var joined: [UInt8] = []
        var errors: [ConfigError] = []
        var warnings: [ConfigError] = []
        for source in sources {
            let root = try parse(source)
            trees.append(ConfigMarks.Tree(file: source.file, root: root))
            if MessageEncoder.isNull(root) {
                let what = "holds nothing; expected a \(Message.protoMessageName)"
                if refusesEmpty {
                    errors.append(ConfigError(file: source.file, mark: root.mark, path: ConfigPath(), message: what))
                }
                continue
            }
            var encoder = MessageEncoder(schema: schema, file: source.file, unknownFields: unknownFields)
            joined += encoder.message(root, schema.message(Message.protoMessageName))
            errors += encoder.errors
            warnings += encoder.warnings
        }
        try throwIfAny(errors)
        let marks = ConfigMarks(trees: trees)
        do {
            let message = try Message(serializedBytes: joined, options: binaryOptions)
            var options = BinaryEncodingOptions()
            options.useDeterministicOrdering = true
            let bytes: [UInt8] = try message.serializedBytes(options: options)
            return Decoded(message: message, bytes: bytes, warnings: warnings, marks: marks)
        } catch {
            throw ConfigErrors([marks.error(ConfigPath(), "cannot be represented: \(error)")])
        }
    }

    /// Throws the errors, if there are any, cut to the bound.
    static func throwIfAny(_ errors: [ConfigError]) throws(ConfigErrors) {
        guard !errors.isEmpty else { return }
        let shown = Array(errors.prefix(ConfigErrors.maximum))
        throw ConfigErrors(shown, isTruncated: errors.count >= ConfigErrors.maximum)
    }

    private static func parse(_ source: ConfigSource) throws(ConfigErrors) -> YAMLNode {
        do {
            return try YAMLParser.parse(source.text, format: source.format)
        } catch {
            throw ConfigErrors([
                ConfigError(file: source.file, mark: error.mark, path: ConfigPath(), message: error.message)
            ])
        }
    }
}
