using System.Globalization;
using System.Text.RegularExpressions;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.Testing.Tls;

/// <summary>The command <c>openssl s_client</c>.</summary>
public static partial class OpenSslClient
{
    private const string Request = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

    /// <summary>Starts it; it reads what is typed.</summary>
    public static ChildProcess Start(int port, params string[] arguments) => ChildProcess.Start(
        Requires.Tool("openssl"), ["s_client", "-connect", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), .. arguments], keepsInput: true);

    /// <summary>Asks for "/", and returns all that it wrote once the proxy ended the connection.</summary>
    public static async Task<string> GetAsync(int port, params string[] arguments)
    {
        await using var client = Start(port, ["-ign_eof", .. arguments]);
        try
        {
            await client.TypeAsync(Request);
        }
        catch (IOException)
        {
            // It has ended already: what it wrote tells why.
        }

        await client.WaitForExitAsync();
        return client.Output + client.Error;
    }

    /// <summary>The first 16 bytes of the last ticket that it wrote down, in hex: the name of the key that the ticket was made with.</summary>
    public static string TicketKeyOf(string output) =>
        TicketStart().Matches(output)[^1].Groups["name"].Value.Replace(" ", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);

    /// <summary>The name of a configured key, as <see cref="TicketKeyOf"/> gives it.</summary>
    public static string NameOfKey(byte[] key)
    {
        const int Length = 16;
        return Convert.ToHexStringLower(key.AsSpan(0, Length));
    }

    [GeneratedRegex(@"TLS session ticket:\s+0000 - (?<name>([0-9a-f]{2}[ -]){16})", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex TicketStart();
}
