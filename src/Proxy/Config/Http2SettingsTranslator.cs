using Envoy.Config.Core.V3;
using KubeProxyNet.Proxy.Collections;
using KubeProxyNet.Proxy.Http.Http2;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>
/// Settings by number (<c>custom_settings_parameters</c>): those that stand for a named field become that field, as the codec has to act on what it announces; those that
/// it cannot act on are refused; the others are only sent.
/// </summary>
internal sealed class Http2SettingsTranslator(TranslationProblems problems)
{
    /// <summary>More than anybody has a use for; all of them stand in one frame.</summary>
    private const int MaxSettings = 32;

    private const uint HeaderTableSize = 1;
    private const uint EnablePush = 2;
    private const uint MaxConcurrentStreams = 3;
    private const uint InitialWindowSize = 4;
    private const uint MaxFrameSize = 5;
    private const uint MaxHeaderListSize = 6;
    private const uint EnableConnectProtocol = 8;
    private const uint NoPriorities = 9;

    /// <summary>The message with the named fields that its settings stand for, and the settings that are left.</summary>
    /// <param name="message">A message that passed the checks of its schema; null for defaults.</param>
    /// <param name="path">Where it stands.</param>
    public (Http2ProtocolOptions? Message, ValueList<Http2CustomSetting> Others) Translate(Http2ProtocolOptions? message, ConfigPath path)
    {
        if (message is null || message.CustomSettingsParameters.Count == 0)
        {
            return (message, ValueList<Http2CustomSetting>.Empty);
        }

        path = path.Field("custom_settings_parameters");
        if (message.CustomSettingsParameters.Count > MaxSettings)
        {
            problems.Add(path, $"{message.CustomSettingsParameters.Count} settings are more than {MaxSettings}", $"keep {MaxSettings} at most");
            return (message, ValueList<Http2CustomSetting>.Empty);
        }

        var named = message.Clone();
        var seen = new Dictionary<uint, uint>();
        var others = new List<Http2CustomSetting>();
        for (var i = 0; i < message.CustomSettingsParameters.Count; i++)
        {
            var (id, value) = (message.CustomSettingsParameters[i].Identifier ?? 0, message.CustomSettingsParameters[i].Value ?? 0);
            var place = path.Index(i);
            if (seen.TryGetValue(id, out var before))
            {
                if (before != value)
                {
                    problems.Add(place, $"setting {id} is {before} before and {value} here", "keep one of them");
                }
            }
            else if (Problem(message, id, value) is { } found)
            {
                problems.Add(place, found.Message, found.Remedy);
            }
            else if (!TryName(named, id, value))
            {
                others.Add(new Http2CustomSetting((ushort)id, value));
            }

            seen[id] = value;
        }

        return (named, others.Count == 0 ? ValueList<Http2CustomSetting>.Empty : new ValueList<Http2CustomSetting>(others));
    }

    private static (string Message, string Remedy)? Problem(Http2ProtocolOptions message, uint id, uint value) => id switch
    {
        HeaderTableSize when message.HpackTableSize is not null => Twice("hpack_table_size"),
        MaxConcurrentStreams when message.MaxConcurrentStreams is not null => Twice("max_concurrent_streams"),
        InitialWindowSize when message.InitialStreamWindowSize is not null => Twice("initial_stream_window_size"),
        MaxConcurrentStreams when value is 0 or > int.MaxValue => ($"{value} streams are out of range", "write a number from 1 to 2147483647"),
        InitialWindowSize when value is < Http2Options.MinWindow or > Http2Options.MaxWindow => ($"a window of {value} is out of range", "write a number from 65535 to 2147483647"),
        EnablePush when value != 0 => ("nothing is pushed, nor taken where it is", "remove it"),
        MaxFrameSize when value != Http.Http2.Frames.FrameHeader.MaxLength => ("frames are taken up to 16384 octets", "remove it"),
        MaxHeaderListSize => ("the longest head is announced as it is configured", "write max_request_headers_kb of the connection manager, or max_response_headers_kb of the cluster"),
        EnableConnectProtocol => ("extended CONNECT has a field of its own", "write allow_connect"),
        NoPriorities when value != 1 => ("the priorities of RFC 7540 are not acted on", "remove it"),
        _ => null,
    };

    private static (string, string) Twice(string field) => ($"{field} says it as well", "keep one of the two");

    /// <summary>True where the setting is said elsewhere: by a named field from here on, or by the codec itself.</summary>
    private static bool TryName(Http2ProtocolOptions named, uint id, uint value)
    {
        switch (id)
        {
            case HeaderTableSize:
                named.HpackTableSize = value;
                return true;
            case MaxConcurrentStreams:
                named.MaxConcurrentStreams = value;
                return true;
            case InitialWindowSize:
                named.InitialStreamWindowSize = value;
                return true;
            default:
                return id is EnablePush or MaxFrameSize or NoPriorities;
        }
    }
}
