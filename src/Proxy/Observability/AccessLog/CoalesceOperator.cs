using System.Text.Json;

namespace KubeProxyNet.Proxy.Observability.AccessLog;

/// <summary><c>%COALESCE({"operators": [...]}):Z%</c>: the first of several operators that has a value that is not empty.</summary>
internal sealed class CoalesceOperator : AccessLogOperator
{
    private const string Remedy = "write %COALESCE({\"operators\": [\"NAME\", {\"command\": \"NAME\", \"param\": \"X\", \"max_length\": 9}]})%";

    private readonly AccessLogOperator[] _operators;
    private readonly int _maxLength;

    private CoalesceOperator(AccessLogOperator[] operators, int maxLength)
    {
        _operators = operators;
        _maxLength = maxLength;
    }

    internal override AccessLogNeeds Needs => _operators.Aggregate(AccessLogNeeds.None, static (needs, one) => needs | one.Needs);

    internal static CoalesceOperator Parse(AccessLogCommand command)
    {
        try
        {
            using var document = JsonDocument.Parse(command.Argument ?? "");
            if (document.RootElement.TryGetProperty("operators", out var list) && list.GetArrayLength() > 0)
            {
                return new CoalesceOperator([.. list.EnumerateArray().Select(item => One(item, command))], command.MaxLength ?? int.MaxValue);
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            throw command.Wrong($"the argument is not what it should be; {Remedy}");
        }

        throw command.Wrong($"names no operators; {Remedy}");
    }

    internal override bool Write(IAccessLogSource source, ref FormatSink sink)
    {
        var limit = sink.Limit(_maxLength);
        var start = sink.Written;
        var found = false;
        foreach (var one in _operators)
        {
            if (one.Write(source, ref sink) && (sink.Written > start || sink.Overflowed))
            {
                found = true;
                break;
            }

            sink.Rewind(start);
        }

        sink.Limit(limit);
        return found;
    }

    private static AccessLogOperator One(JsonElement item, AccessLogCommand outer)
    {
        if (item.ValueKind == JsonValueKind.String)
        {
            return AccessLogOperators.Compile(new AccessLogCommand(item.GetString()!, null, null, outer.Position));
        }

        var name = item.GetProperty("command").GetString()!;
        var argument = item.TryGetProperty("param", out var param) ? param.GetString() : null;
        int? maxLength = item.TryGetProperty("max_length", out var length) ? length.GetInt32() : null;
        return AccessLogOperators.Compile(new AccessLogCommand(name, argument, maxLength, outer.Position));
    }
}
