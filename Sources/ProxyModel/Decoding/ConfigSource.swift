/// How a configuration is written.
package enum ConfigFormat: Sendable, Equatable {
    /// YAML 1.2 with the core schema, of which JSON is a part.
    case yaml
    /// JSON alone (RFC 8259).
    case json

    /// Largest text that is read.
    package static let maximumBytes = 64 << 20

    /// The format that a file's name tells: JSON for `.json`, YAML for everything else.
    package init(file: String) {
        self = file.hasSuffix(".json") ? .json : .yaml
    }
}

/// The text of a configuration and where it came from.
package struct ConfigSource: Sendable, Equatable {
    /// The text.
    package let text: String
    /// The name that errors give it.
    package let file: String
    /// How it is written.
    package let format: ConfigFormat

    /// A source whose format is told by the file's name unless it is given.
    package init(text: String, file: String, format: ConfigFormat? = nil) {
        self.text = text
        self.file = file
        self.format = format ?? ConfigFormat(file: file)
    }

    /// A source from a file's bytes, which must be UTF-8.
    package init(bytes: [UInt8], file: String, format: ConfigFormat? = nil) throws(ConfigErrors) {
        guard bytes.count <= ConfigFormat.maximumBytes else {
            throw ConfigErrors([Self.tooLarge(bytes.count, file: file)])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ConfigErrors([
                ConfigError(file: file, mark: nil, path: ConfigPath(), message: "the file is not UTF-8 text")
            ])
        }
        self.init(text: text, file: file, format: format)
    }

    static func tooLarge(_ count: Int, file: String) -> ConfigError {
        ConfigError(
            file: file, mark: nil, path: ConfigPath(),
            message: "the text has \(count) bytes; at most \(ConfigFormat.maximumBytes) are read")
    }
}
