using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Envoy.Config.Accesslog.V3;
using Envoy.Config.Core.V3;
using Envoy.Extensions.AccessLoggers.File.V3;
using Envoy.Extensions.AccessLoggers.Stream.V3;
using Google.Protobuf;
using KubeProxyNet.Proxy.Observability.AccessLog;
using KubeProxyNet.Proxy.Runtime;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Turns access log settings into formats and paths.</summary>
internal static class AccessLogTranslator
{
    public static ImmutableArray<AccessLogConfig> Translate(IReadOnlyList<AccessLog> logs, TranslationProblems problems, ConfigPath path)
    {
        var translated = ImmutableArray.CreateBuilder<AccessLogConfig>();
        for (var i = 0; i < logs.Count; i++)
        {
            var log = One(logs[i], problems, path.Index(i).Field("typed_config"));
            var filter = logs[i].Filter is { } message ? AccessLogFilterTranslator.Translate(message, problems, path.Index(i).Field("filter")) : null;
            if (log is not null && (filter is not null || logs[i].Filter is null))
            {
                translated.Add(log with { Filter = filter });
            }
        }

        return translated.DrainToImmutable();
    }

    private static AccessLogConfig? One(AccessLog log, TranslationProblems problems, ConfigPath path)
    {
        if (log.TypedConfig is not { } any)
        {
            problems.Add(path, "\"typed_config\" is missing", "add a FileAccessLog, StdoutAccessLog or StderrAccessLog");
            return null;
        }

        if (any.TryUnpack<FileAccessLog>(out var file))
        {
            return file.AccessLogFormatCase switch
            {
                FileAccessLog.AccessLogFormatOneofCase.LogFormat => With(file.Path, () => FormatOf(file.LogFormat, problems, path.Field("log_format")), problems, path.Field("log_format")),
                FileAccessLog.AccessLogFormatOneofCase.Format => With(file.Path, () => AccessLogFormat.Parse(file.Format), problems, path.Field("format")),
                FileAccessLog.AccessLogFormatOneofCase.JsonFormat => With(file.Path, () => JsonOf(file.JsonFormat, false), problems, path.Field("json_format")),
                FileAccessLog.AccessLogFormatOneofCase.TypedJsonFormat =>
                    With(file.Path, () => JsonOf(file.TypedJsonFormat, false), problems, path.Field("typed_json_format")),
                _ => new AccessLogConfig(file.Path, AccessLogFormat.Default),
            };
        }

        if (any.TryUnpack<StdoutAccessLog>(out var stdout))
        {
            return With("/dev/stdout", () => FormatOf(stdout.LogFormat, problems, path.Field("log_format")), problems, path.Field("log_format"));
        }

        if (any.TryUnpack<StderrAccessLog>(out var stderr))
        {
            return With("/dev/stderr", () => FormatOf(stderr.LogFormat, problems, path.Field("log_format")), problems, path.Field("log_format"));
        }

        problems.Add(path, $"\"{any.TypeUrl}\" is no access log that is supported", "use FileAccessLog, StdoutAccessLog or StderrAccessLog");
        return null;
    }

    private static AccessLogConfig? With(string target, Func<AccessLogFormat> format, TranslationProblems problems, ConfigPath path)
    {
        try
        {
            return new AccessLogConfig(target, format());
        }
        catch (AccessLogFormatException error)
        {
            problems.Add(path, error.Message, "correct the format string");
            return null;
        }
    }

    private static AccessLogFormat FormatOf(SubstitutionFormatString? format, TranslationProblems problems, ConfigPath path) => format?.FormatCase switch
    {
        SubstitutionFormatString.FormatOneofCase.JsonFormat => JsonOf(format.JsonFormat, format.OmitEmptyValues),
        SubstitutionFormatString.FormatOneofCase.TextFormat => AccessLogFormat.Parse(format.TextFormat, format.OmitEmptyValues),
        SubstitutionFormatString.FormatOneofCase.TextFormatSource => AccessLogFormat.Parse(
            Encoding.UTF8.GetString(DataSourceReader.Read(format.TextFormatSource, problems, path.Field("text_format_source")).Span), format.OmitEmptyValues),
        _ => AccessLogFormat.Default,
    };

    private static AccessLogFormat JsonOf(Google.Protobuf.WellKnownTypes.Struct fields, bool omitEmptyValues)
    {
        using var document = JsonDocument.Parse(JsonFormatter.Default.Format(fields));
        return AccessLogFormat.ParseJson(document.RootElement, omitEmptyValues);
    }
}
