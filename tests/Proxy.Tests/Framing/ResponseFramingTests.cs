using AwesomeAssertions;
using KubeProxyNet.Testing.Http;

namespace KubeProxyNet.Proxy.Tests.Framing;

/// <summary>
/// Every form of a response, sent whole and cut at every byte, and another request after it. That one is answered with its own response
/// whatever came before: on the same connection where the form ended cleanly, on a new one where there is any doubt.
/// </summary>
public sealed class ResponseFramingTests
{
    private static readonly Dictionary<string, ResponseForm> Forms = ResponseForms.All.ToDictionary(static form => FormNames.Printable(form.Name), StringComparer.Ordinal);

    public static TheoryData<string> Names => [.. Forms.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_form_is_passed_or_refused_as_the_RFC_says_wherever_it_is_cut(string name)
    {
        var form = Forms[name];
        await using var backend = ScriptedBackend.Start(connection => PlayAsync(connection, form));
        await using var proxy = Traffic.RunningProxy.To(backend.Port);

        for (var cut = 0; cut < form.Wire.Length; cut++)
        {
            var because = $"{form.Name} ({form.Rule}), cut at {cut}";
            (await AskAsync(proxy.Port, form, cut)).Should().BeOneOf(Verdicts(form), because);
            var used = backend.Requests[^1].Connection;
            if (!form.IsKept)
            {
                await backend.Connections[used - 1].Ended.WaitAsync();
            }

            (await RawHttpClient.GetAsync(proxy.Port, "/next")).BodyText.Should().Be("next", because);
            (backend.Requests[^1].Connection == used).Should().Be(form.IsKept, because);
        }

        if (form.Verdict != Verdict.Passed)
        {
            (await proxy.LogAsync()).Split(' ')[^3].Should().Be(form.Expected);
        }
    }

    private static string[] Verdicts(ResponseForm form) => form.Verdict switch
    {
        Verdict.Passed => [form.Expected],
        Verdict.Refused when form.Closes => ["503"],
        Verdict.Refused => ["502"],
        _ => [form.Closes ? "503" : "502", nameof(FramingFault.Truncated)],
    };

    private static async Task<string> AskAsync(int port, ResponseForm form, int cut)
    {
        try
        {
            var response = await RawHttpClient.ExchangeAsync(port, $"{form.Method} /{cut} HTTP/1.1\r\nhost: a\r\n\r\n", form.Method);
            return form.Verdict == Verdict.Passed ? $"{response.Status} {response.BodyText}" : $"{response.Status}";
        }
        catch (RawFramingException e)
        {
            return e.Fault.ToString();
        }
    }

    private static async Task PlayAsync(BackendConnection connection, ResponseForm form)
    {
        while (await connection.ReadRequestAsync() is { } request)
        {
            if (request.Target == "/next")
            {
                await connection.SendAsync("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext");
                continue;
            }

            var cut = int.Parse(request.Target[1..], System.Globalization.CultureInfo.InvariantCulture);
            await connection.SendAsync(form.Wire[..cut]);
            await connection.SendAsync(form.Wire[cut..]);
            if (form.Closes)
            {
                return;
            }
        }
    }
}
