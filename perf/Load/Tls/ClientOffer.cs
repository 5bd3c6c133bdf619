namespace KubeProxyNet.Load.Tls;

/// <summary>
/// Settings of OpenSSL for a generator that has none of its own: whatever a proxy prefers, it is asked for one version, one cipher suite and one group.
/// </summary>
internal static class ClientOffer
{
    /// <summary>Writes the file that the environment variable OPENSSL_CONF is to name, and returns its path.</summary>
    public static async Task<string> WriteAsync(string folder, CancellationToken cancel)
    {
        var file = Path.Combine(folder, "openssl.cnf");
        await File.WriteAllTextAsync(file, Text, cancel);
        return file;
    }

    private const string Text = $"""
        openssl_conf = all

        [all]
        ssl_conf = contexts

        [contexts]
        system_default = every_context

        [every_context]
        MinProtocol = TLSv1.3
        Ciphersuites = {Negotiated.CipherSuite}
        Groups = {Negotiated.KeyExchange}

        """;
}
