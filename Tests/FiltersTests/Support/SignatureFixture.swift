/// A signature made once with `openssl dgst -sha256 -sign` over "signed by heddle", and the key that verifies it.
enum SignatureFixture {
    /// SubjectPublicKeyInfo, Base64.
    static let key = """
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvKdlH8Oqpk1ggAXt1Y09W+fnhofEco4OJN/a73PobgNhZuEcNuJmeYDA\
        McdPkCRRhP6pZKqKlvotzFnRKNEaDvsxMW8lWMdztycjoIwVhMNSKZXO1RpNvghB1GbWdELBlQ1fjAKVtQOHNIPcpZKXvPDcqirI\
        X2leqenvO1Yd6vGQuKmjRRkWLgZyAU+0LjVdpvnz930n/hgGfh1Q/1jYr7tT0UIXtks4/7MlPN93//6SFqr+0QkgPwh0+C0jS01G\
        bS5eKIoiJIWnQXDU+yrydgk+Sf121tL515+od9qzgqanLY1jwBQ6ecNxpC3ZqikOwJNAQBjlzi1AgtLAMN4nlQIDAQAB
        """
    static let signature = """
        h1ii783I5/rQ0I+meZoKUxu0oTTilZHbUT+c50XSPXy3HwZdg9e8MXwhS1KXAyqGCnbQF0dmqrPBczNg+bRshkjXO0tR8EfU6QXJ\
        paFSCbQ+60uzC6ELOgNgRZetymj+ik6N6Rz7tqgRiZjUhDayUMyiMXtnc2uTJJYvpYoCYKgeaLDnkPLkZ/1zLwA+WLy2HJXIeXPS\
        G9vYSjLEVys0dHeY7WQdQ1KHYDt3zi4c0IZZG4OkFk/5E55XP9JBp9y4qaJ1Qnp4vIPokAGa0X9vvP9aEUAniA1BryTDLMQtN+Yw\
        zQJ7Y7AUqj0RB6EHv5dGlCREk9uVTzircvTh9m9i7w==
        """
}
