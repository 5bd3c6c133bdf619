using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.CveMuseum;

/// <summary>
/// Go's net/http read over chunk extensions without a limit: with a long one on each chunk of one byte, a sender made a server read up to a
/// gigabyte for next to no body.
/// </summary>
public sealed class CVE_2023_39326
{
    private static readonly string Flood = string.Concat(Enumerable.Repeat($"1;{new string('x', 1000)}\r\ny\r\n", 1000));

    [Fact]
    public async Task A_flood_of_extensions_is_refused()
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{Flood}0\r\n\r\n{Exhibit.Last}");

        answers.Should().Equal(400);
        exhibit.Arrived.Should().BeEmpty();
    }

    [Fact]
    public async Task One_endless_extension_is_refused()
    {
        await using var exhibit = Exhibit.Open();

        var answers = await exhibit.SendAsync($"POST /one HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1;{new string('x', 100_000)}");

        answers.Should().Equal(400);
    }

    [Fact]
    public async Task A_flood_of_extensions_in_a_response_cuts_it()
    {
        await using var exhibit = Exhibit.Open(BackendScripts.AnswerRaw($"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{Flood}0\r\n\r\n"));

        string verdict;
        try
        {
            verdict = $"{(await RawHttpClient.GetAsync(exhibit.Proxy.Port)).Status}";
        }
        catch (RawFramingException e)
        {
            verdict = e.Fault.ToString();
        }

        verdict.Should().BeOneOf("502", nameof(FramingFault.Truncated));
    }
}
