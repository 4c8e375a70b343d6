/// Which program this is.
package enum ProductVersion {
    package static let name = "heddle"
    package static let number = "0.1.0"
}
