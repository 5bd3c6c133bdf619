using System.Text.Json;
using KubeProxyNet.Load.Reporting;
using KubeProxyNet.Load.Scenarios;

namespace KubeProxyNet.Load.Tls;

/// <summary>What a proxy and the generator agreed on in a handshake.</summary>
/// <param name="Key">Kind and curve of the certificate's key.</param>
/// <param name="Tickets">Session tickets that the proxy gave out after it; each is a record that it encrypted and sent.</param>
internal sealed record Negotiated(string Version, string Cipher, string Group, string Key, int Tickets)
{
    /// <summary>What all must agree on, or it is not proxies that are compared.</summary>
    private static readonly Negotiated Equal = new("TLSv1.3", CipherSuite, KeyExchange, "EC prime256v1", 0);

    /// <summary>The one cipher suite of every TLS scenario.</summary>
    public const string CipherSuite = "TLS_AES_128_GCM_SHA256";

    /// <summary>The one key exchange group.</summary>
    public const string KeyExchange = "X25519";

    /// <summary>Reads what Native/handshakes.c --probe wrote, and throws where it is not what all must agree on.</summary>
    public static Negotiated Parse(string proxy, string output)
    {
        using var json = JsonDocument.Parse(output);
        string Text(string name) => json.RootElement.GetProperty(name).GetString()!;
        var found = new Negotiated(Text("version"), Text("cipher"), Text("group"), Text("key"), json.RootElement.GetProperty("tickets").GetInt32());
        return found with { Tickets = 0 } == Equal ? found : throw new LoadException($"{proxy} agreed on {found}, not on {Equal}: nothing would be comparable");
    }

    /// <summary>A table of what each proxy agreed on, for the report; empty where no proxy speaks TLS.</summary>
    public static string Table(IEnumerable<Runner> runners)
    {
        var rows = runners.Where(r => r.Negotiated is not null)
            .Select(r => (string[])[r.Name, r.Negotiated!.Version, r.Negotiated.Cipher, r.Negotiated.Group, r.Negotiated.Key, $"{r.Negotiated.Tickets}"])
            .ToList();
        return rows.Count == 0
            ? ""
            : $"\nAgreed on in a handshake before the first round:\n\n{MarkdownTable.Of(["proxy", "version", "cipher suite", "group", "certificate", "tickets"], rows)}\n";
    }
}
