using System.Text;

namespace KubeProxyNet.Proxy.Http;

/// <summary>Reason phrases of the registered status codes (RFC 9110 §15); empty for others.</summary>
internal static class ReasonPhrases
{
    private static readonly byte[][] Phrases = Build();

    public static ReadOnlySpan<byte> Of(int status) => status is >= 100 and < 600 ? Phrases[status - 100] : default;

    private static byte[][] Build()
    {
        var phrases = new byte[500][];
        for (var i = 0; i < phrases.Length; i++)
        {
            phrases[i] = Encoding.ASCII.GetBytes(Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(i + 100));
        }

        return phrases;
    }
}
