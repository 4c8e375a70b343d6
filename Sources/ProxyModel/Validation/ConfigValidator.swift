/// placeholder until next step
package struct ConfigValidator {
    let marks: ConfigMarks
    private(set) var errors: [ConfigError] = []
    package init(marks: ConfigMarks) { self.marks = marks }
    package mutating func validate(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) {}
    package func finish() throws(ConfigErrors) { try ConfigDecoder.throwIfAny(errors) }
}
