using AwesomeAssertions;
using KubeProxyNet.Testing.Http;
using KubeProxyNet.Testing.Http2;

namespace KubeProxyNet.Proxy.Tests.Traffic.Http2.Abuse;

/// <summary>What every attack is held to.</summary>
internal static class Attack
{
    /// <summary>Answers at once; a target that begins with <c>/hang</c> is never answered.</summary>
    public static BackendScript HangOrAnswer => BackendScripts.EachRequest(static (connection, request) => request.Target.StartsWith("/hang", StringComparison.Ordinal)
        ? connection.DrainAsync()
        : connection.SendAsync(BackendScripts.ResponseText(200, "ok", [], withBody: true)));

    /// <summary>The attacker's connection ends with a code and counts in one statistic, and another client is served before, meanwhile and afterwards.</summary>
    public static async Task MustEndAsync(Http2Front front, Func<RawHttp2Client, Task> attack, Http2ErrorCode error, string stat)
    {
        await using var bystander = await RawHttp2Client.ConnectAsync(front.Proxy.Port);
        (await bystander.GetAsync("/before")).Status.Should().Be(200);
        try
        {
            await attack(front.Client);
        }
        catch (Http2EndedException)
        {
            // Cut off while it was still at it.
        }

        (await bystander.GetAsync("/meanwhile")).Status.Should().Be(200);
        await front.Client.ExpectConnectionErrorAsync(error);
        front.Proxy.Stat(stat).Should().Be(1);
        front.Proxy.Stat("http.test.downstream_cx_protocol_error").Should().Be(1);
        (await bystander.GetAsync("/after")).Status.Should().Be(200);
    }
}
