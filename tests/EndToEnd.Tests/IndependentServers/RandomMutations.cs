using System.Text;

namespace KubeProxyNet.EndToEnd.Tests.IndependentServers;

/// <summary>Good requests with a few bytes changed, at random. What stands behind such a change may rightly be a request of its own.</summary>
internal static class RandomMutations
{
    private static readonly string[] Seeds =
    [
        "GET /case HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST /case HTTP/1.1\r\nhost: a\r\ncontent-length: 12\r\n\r\nhello, world",
        "POST /case HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\nt: v\r\n\r\n",
        "PUT /case HTTP/1.1\r\nhost: a\r\ncontent-length: 36\r\n\r\nGET /inside HTTP/1.1\r\nhost: a\r\n\r\n...",
    ];

    private static readonly string[] Pieces =
        ["\r\n", "\n", "\r", "\0", " ", "\t", ":", ",", ";", "content-length: 3\r\n", "transfer-encoding: chunked\r\n", "0\r\n\r\n", "0\r\n", "host: b\r\n", "GET /x HTTP/1.1\r\n", "ffffffff", "-1", "\u00ff"];

    public static IEnumerable<Mutation> Of(int seed, int count)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
        {
            yield return new Mutation($"random {i} of seed {seed}", Mutate(Seeds[i % Seeds.Length], random));
        }
    }

    private static string Mutate(string seed, Random random)
    {
        var text = new StringBuilder(seed);
        for (var n = random.Next(1, 4); n > 0; n--)
        {
            var at = random.Next(text.Length);
            switch (random.Next(4))
            {
                case 0:
                    text[at] = (char)random.Next(256);
                    break;
                case 1:
                    text.Remove(at, Math.Min(random.Next(1, 6), text.Length - at - 1));
                    break;
                case 2:
                    text.Insert(at, text.ToString(at, Math.Min(random.Next(1, 20), text.Length - at)));
                    break;
                default:
                    text.Insert(at, Pieces[random.Next(Pieces.Length)]);
                    break;
            }
        }

        return text.ToString();
    }
}
