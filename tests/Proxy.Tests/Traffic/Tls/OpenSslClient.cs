using System.Globalization;
using KubeProxyNet.Testing;
using KubeProxyNet.Testing.Processes;

namespace KubeProxyNet.Proxy.Tests.Traffic.Tls;

/// <summary>The command <c>openssl s_client</c>.</summary>
internal static class OpenSslClient
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
}
